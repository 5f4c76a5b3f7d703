"""Use 3: ask the store, from Python. ``byline incidents --json`` and ``byline why --json`` give the same answers."""

from __future__ import annotations

import sys

from byline.store import Store


def main(path: str) -> None:
    """Print the newest incidents with their top suspect."""
    with Store.open(path, read_only=True) as store:
        for incident in store.incidents(limit=5):
            suspect = incident.suspects[0] if incident.suspects else None
            print(incident.error_type, incident.function, suspect.commit[:10] if suspect else "no suspect")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".byline/byline.db")
