"""
Use 2: turn byline on at the start of the program; no function is touched.

With a manifest (``byline scan``) every function that AI wrote is measured, as its module is imported.
"""

from __future__ import annotations

import byline

byline.instrument(store=".byline/byline.db")  # before the program's own imports

import json  # noqa: E402  # whatever the program needs comes after


def main() -> None:
    """Do the program's work."""
    print(json.dumps({"measuring": byline.is_active()}))


if __name__ == "__main__":
    main()
    byline.uninstrument()
