"""``python -m byline``."""

from __future__ import annotations

from ._cli.main import main

if __name__ == "__main__":
    main(prog_name="byline")
