"""
Writes the boards and rules that the package carries: ``python -m byline._grafana.generate``.

Needs grafana-foundation-sdk and PyYAML, which users do not: they get the written files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from . import boards, rules
from .files import GENERATED, RUNBOOK
from .queries import Histograms

BOARDS = {"byline-commits": boards.commits, "byline-commit": boards.one_commit, "byline-fleet": boards.fleet}


def generated() -> Iterator[tuple[str, str]]:
    """Return each file's path below the folder of generated files, and its text."""
    for histograms in get_args(Histograms):
        for name, draw in BOARDS.items():
            yield f"{histograms}/dashboards/{name}.json", draw(histograms)
        yield f"{histograms}/rules/byline.yaml", rules.rules(histograms, RUNBOOK)


def main(folder: Path = GENERATED) -> None:
    """Write all of them."""
    for name, text in generated():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        print(path)  # noqa: T201  # says what it wrote


if __name__ == "__main__":
    main()
