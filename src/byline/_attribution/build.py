"""A manifest to ship: beside a package's code, with the release each version of a function first shipped in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from .._config import AuthorForm
from .._manifest import DEFAULT_NAME, FileRecord, FunctionRecord, Manifest, Release, write
from ..exceptions import ConfigError
from .scan import Scan, scan

_NO_PRODUCT = frozenset({"benchmarks", "build", "dist", "docs", "examples", "test", "tests"})
"""Folders that may be packages and are not what is shipped."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Built:
    """A manifest that was written to be shipped."""

    scan: Scan
    path: Path
    size: int
    release: Release
    """The revision that it describes."""

    carried: int
    """Functions whose version shipped before."""


def build(  # noqa: PLR0913  # all but one are options
    folder: Path,
    *,
    output: Path | None = None,
    previous: Path | None = None,
    everything: bool = False,
    allow_shallow: bool = False,
    author: AuthorForm = "name",
    moves: bool = False,
    cache: bool = True,
    progress: Progress | None = None,
) -> Built:
    """
    Scan the repository of a package and write the manifest beside the package's code.

    Args:
        folder: The package, or the folder of its project.
        output: Where to write instead.
        previous: The manifest of the last release: it knows what shipped before.
        everything: As for ``scan``.
        allow_shallow: As for ``scan``.
        author: As for ``scan``.
        moves: As for ``scan``.
        cache: As for ``scan``.
        progress: As for ``scan``.

    Raises:
        ConfigError: The folder has no package, or several.
        RepositoryError: As for ``scan``.
        ManifestError: The previous manifest cannot be read, or the new one not be written.
    """
    target = output or find_package(folder) / DEFAULT_NAME
    old = Manifest.open(previous) if previous else None
    found = scan(
        folder,
        everything=everything,
        allow_shallow=allow_shallow,
        author=author,
        moves=moves,
        cache=cache,
        progress=progress,
    )
    release = _release(found, found.header.revision)
    shipped = _shipped_before(old, found) if old else {}
    files, carried = with_releases(found.files, release, shipped)
    found = replace(found, files=files)
    size = write(target, found.header, found.files, found.commits)
    return Built(found, target, size, release, carried)


def find_package(folder: Path) -> Path:
    """
    Find the one top-level package of a project: the folder itself, or one inside it or its ``src``.

    Raises:
        ConfigError: There is none, or there are several.
    """
    if (folder / "__init__.py").is_file():
        return folder
    if not folder.is_dir():
        raise ConfigError(f"{str(folder)!r} is not a folder. Name the folder of a package.")
    found = sorted(
        inner
        for parent in (folder / "src", folder)
        if parent.is_dir()
        for inner in parent.iterdir()
        if (inner / "__init__.py").is_file() and inner.name not in _NO_PRODUCT
    )
    named = [each for each in found if _plain(each.name) == _plain(_project_name(folder))]
    if len(named or found) == 1:
        return (named or found)[0]
    if not found:
        raise ConfigError(
            f"There is no package in {str(folder)!r} or its src. Name its folder, or write elsewhere with -o."
        )
    names = ", ".join(str(each) for each in found)
    raise ConfigError(f"There are several packages in {str(folder)!r}: {names}. Name one of them.")


Version = tuple[str, str, str]
"""Module, qualified name and last commit: equal for one version of a function."""


def with_releases(
    files: Iterable[FileRecord], release: Release, shipped: dict[Version, Release]
) -> tuple[tuple[FileRecord, ...], int]:
    """
    Say of each function in which release its version first shipped.

    Args:
        files: What was scanned.
        release: The one that is being built.
        shipped: What shipped before, by version. A function that moved to another module is
            found with an empty module.

    Returns:
        The files, and how many functions shipped before.
    """
    carried = 0

    def first(record: FunctionRecord) -> Release:
        nonlocal carried
        place, last = record.function, record.attribution.last_commit
        exact = shipped.get((place.module, place.qualname, last)) if last else None
        before = exact or (shipped.get(("", place.qualname, last)) if last else None)
        carried += before is not None
        return before or release

    found = tuple(
        replace(file, functions=tuple(replace(each, first_shipped=first(each)) for each in file.functions))
        for file in files
    )
    return found, carried


def _shipped_before(old: Manifest, found: Scan) -> dict[Version, Release]:
    default = _release(found, old.header.revision)
    shipped: dict[Version, Release] = {}
    moved: dict[Version, set[Release]] = {}
    for file in old.files():
        for function, who in file.functions():
            if who.last_commit:
                release = file.first_shipped(function) or default
                shipped[function.module, function.qualname, who.last_commit] = release
                moved.setdefault(("", function.qualname, who.last_commit), set()).add(release)
    return {version: next(iter(each)) for version, each in moved.items() if len(each) == 1} | shipped


def _release(found: Scan, revision: str) -> Release:
    """Describe a revision; one that is not in this history has no time."""
    commit = found.commits.get(revision)
    if commit is None:
        return Release(revision, 0)
    return Release(revision, commit.committed_at)


def _project_name(folder: Path) -> str:
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8")).get("project", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return ""
    return str(project.get("name", "")) if isinstance(project, dict) else ""


def _plain(name: str) -> str:
    """Return a distribution's or package's name in the form that both share."""
    return re.sub(r"[-_.]+", "_", name).lower()
