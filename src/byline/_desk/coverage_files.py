"""What ran in production, in the forms that coverage viewers read: LCOV, and the data of coverage.py."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from ..exceptions import ConfigError, MissingExtraError
from .coverage import CoverageReport, FunctionCoverage


def write_lcov(report: CoverageReport, target: Path) -> None:
    """
    Write AI lines as an LCOV trace file.

    Raises:
        ConfigError: The file cannot be written.
    """
    try:
        target.write_text("\n".join(_lcov(report)) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{str(target)!r} cannot be written: {error.strerror}.") from error


def _lcov(report: CoverageReport) -> Iterator[str]:
    yield "TN:byline"
    for path, functions in groupby(report.functions, key=lambda each: each.path):
        yield f"SF:{path}"
        yield from _lcov_file(list(functions))
        yield "end_of_record"


def _lcov_file(functions: list[FunctionCoverage]) -> Iterator[str]:
    for each in functions:
        yield f"FN:{each.first_line},{each.function}"
    for each in functions:
        yield f"FNDA:{int(each.is_called)},{each.function}"
    yield f"FNF:{len(functions)}"
    yield f"FNH:{sum(each.is_called for each in functions)}"
    lines = {line: 0 for each in functions for line in each.lines}
    lines |= {line: 1 for each in functions for line in each.run}
    for line, hits in sorted(lines.items()):
        yield f"DA:{line},{hits}"
    yield f"LF:{len(lines)}"
    yield f"LH:{sum(lines.values())}"


def write_coverage_data(report: CoverageReport, target: Path, root: Path) -> None:
    """
    Write executed AI lines as a data file of coverage.py; ``coverage report`` and its kin read it.

    Args:
        root: The folder that paths are relative to.

    Raises:
        MissingExtraError: coverage.py is not installed.
        ConfigError: The file cannot be written.
    """
    try:
        from coverage import CoverageData
        from coverage.exceptions import CoverageException
    except ImportError as error:
        raise MissingExtraError(
            "byline coverage --data writes through coverage.py. Run: pip install 'byline[coverage]'"
        ) from error
    lines: dict[str, set[int]] = {}
    for each in report.functions:
        lines.setdefault(str(root / each.path), set()).update(each.run)
    data = CoverageData(basename=str(target))
    try:
        data.erase()
        data.add_lines(lines)
        data.write()
    except (CoverageException, OSError) as error:
        raise ConfigError(f"{str(target)!r} cannot be written: {error}") from error
