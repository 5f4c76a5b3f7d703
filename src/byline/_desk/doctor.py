"""What is on, what is off, and why not: each check answers with a state, a sentence and a cure."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .._attribution.fetch import command
from .._attribution.note_refs import list_notes
from .._attribution.pull_requests import pull_request_heads
from .._attribution.rebuild import FOLDER
from .._attribution.repository import Repository
from .._attribution.settings import read_settings
from .._config import Config
from .._manifest import Manifest, ManifestFile, find
from ..exceptions import BylineError
from ..store import Store
from .words import count

State = Literal["ok", "off", "warning", "error"]

_PACKAGES = (
    "byline", "opentelemetry-api", "opentelemetry-sdk", "opentelemetry-instrumentation", "wrapt", "gitpython",
    "sentry-sdk", "opentelemetry-exporter-otlp",
)  # fmt: skip
_AGGREGATION = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Check:
    """The answer of one check."""

    name: str
    state: State
    told: str
    cure: str = ""


def examine(
    folder: Path, *, manifest: str = "", store: str = "", environ: Mapping[str, str] | None = None
) -> list[Check]:
    """
    Run every check; none of them raises.

    Args:
        folder: Where the program would be started.
        manifest: Path of the manifest; empty means look for it.
        store: Path of the store; empty means look for it.
    """
    environ = os.environ if environ is None else environ
    checks = [_python(), _versions(), *_settings(environ), *_telemetry(environ)]
    repository = _open_repository(folder, checks)
    opened = _open_manifest(folder, manifest or environ.get("BYLINE_MANIFEST", ""), checks)
    if repository is not None:
        checks += _repository(repository)
    if opened is not None:
        checks += _manifest(opened, repository)
    checks += _store(folder, store or environ.get("BYLINE_STORE", ""))
    return checks


def _python() -> Check:
    told = f"{platform.python_implementation()} {platform.python_version()} at {sys.executable}"
    return Check("python", "ok", told)


def _versions() -> Check:
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return Check("versions", "ok", ", ".join(found))


def _settings(environ: Mapping[str, str]) -> Iterator[Check]:
    try:
        config = Config.from_env(environ)
    except BylineError as error:
        yield Check("settings", "error", str(error))
        return
    if config.disabled:
        yield Check("settings", "off", "BYLINE_DISABLED is set: nothing is measured", "unset BYLINE_DISABLED")
        return
    given = sorted(name for name in environ if name.startswith("BYLINE_"))
    yield Check(
        "settings", "ok", ", ".join(f"{name}={environ[name]}" for name in given) or "all at their defaults"
    )


def _telemetry(environ: Mapping[str, str]) -> Iterator[Check]:
    names = (
        "OTEL_TRACES_EXPORTER",
        "OTEL_METRICS_EXPORTER",
        "OTEL_LOGS_EXPORTER",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    )
    given = [f"{name}={environ[name]}" for name in names if environ.get(name)]
    told = ", ".join(given) or "no exporter is set in the environment; the embedded store needs none"
    yield Check("opentelemetry", "ok", told)
    if given and not importlib.metadata.entry_points(group="opentelemetry_configurator"):
        told = "opentelemetry-instrument reads no OTEL_*_EXPORTER here, since no distro is installed"
        yield Check(
            "distro",
            "warning",
            told,
            "pip install opentelemetry-distro, or let the program set up its providers",
        )
    if environ.get(_AGGREGATION, "").strip().lower() == "base2_exponential_bucket_histogram":
        told = f"{_AGGREGATION} asks for exponential histograms: a Prometheus without native histograms refuses every batch"
        yield Check(
            "histograms", "warning", told, f"turn native histograms on there, or unset {_AGGREGATION}"
        )
    if importlib.util.find_spec("sentry_sdk") is None:
        yield Check("sentry", "off", "sentry-sdk is not installed", "pip install 'byline[sentry]'")


def _open_repository(folder: Path, checks: list[Check]) -> Repository | None:
    if shutil.which("git") is None:
        checks.append(
            Check("git", "off", "there is no git on PATH; a manifest is enough to run", "install git to scan")
        )
        return None
    try:
        return Repository.open(folder)
    except BylineError as error:
        checks.append(Check("git", "off", str(error), "not needed where a manifest is present"))
        return None


def _repository(repository: Repository) -> Iterator[Check]:
    try:
        head = repository.head()
    except BylineError as error:
        yield Check("git", "warning", str(error))
        return
    branch = repository.branch() or "detached HEAD"
    yield Check("git", "ok", f"{repository.root} at {head[:12]} ({branch})")
    if repository.is_shallow():
        cure = "git fetch --unshallow; in GitHub Actions, fetch-depth: 0"
        yield Check("history", "warning", "a shallow clone: older lines have no known author", cure)
    else:
        yield Check(
            "history", "ok", "complete" + (", blobs fetched when needed" if repository.is_partial() else "")
        )
    yield from _records(repository)
    yield _cache(repository)


def _records(repository: Repository) -> Iterator[Check]:
    cure = f"byline scan --fetch, or: {command()}"
    try:
        found = [each.ref for each in list_notes(repository, read_settings(repository.root).notes_refs)]
    except BylineError as error:
        yield Check("notes", "error", str(error))
        return
    if found:
        yield Check("notes", "ok", ", ".join(found))
    else:
        told = "no refs/notes with line-level records of AI tools (a plain clone brings none)"
        yield Check("notes", "off", told, cure)
    heads = len(pull_request_heads(repository))
    if heads:
        yield Check("pull requests", "ok", f"the heads of {heads:,}: squash merges get their notes back")
    else:
        told = "no refs/pull or refs/merge-requests: what is noted on squash-merged commits is lost"
        yield Check("pull requests", "off", told, cure)


def _cache(repository: Repository) -> Check:
    folder = repository.git_dir / FOLDER
    found = sorted(each.name for each in folder.glob("*.cache")) if folder.is_dir() else []
    if found:
        return Check("cache", "ok", f"{', '.join(found)} in {folder}: a scan goes on from the last one")
    if not os.access(folder.parent if not folder.exists() else folder, os.W_OK):
        return Check("cache", "off", f"{folder} cannot be written: every scan is a whole one")
    return Check("cache", "off", f"none in {folder} yet", "byline scan")


def _open_manifest(folder: Path, argument: str, checks: list[Check]) -> Manifest | None:
    try:
        path = find(argument, folder)
        if path is None:
            told = f"none in {str(folder)!r} or above"
            checks.append(Check("manifest", "off", told, "make one: byline scan"))
            return None
        return Manifest.open(path)
    except BylineError as error:
        checks.append(Check("manifest", "error", str(error)))
        return None


def _manifest(manifest: Manifest, repository: Repository | None) -> Iterator[Check]:
    header = manifest.header
    told = (
        f"{manifest.path}: {header.ai_functions} AI functions of {header.functions} at {header.revision[:12]}"
    )
    yield Check("manifest", "ok", told)
    for each in header.unverified[:_SHOWN]:
        yield Check("scan", "warning", f"{each.subject}: {each.reason}", each.cure)
    if repository is None:
        return
    changed = [file.path for file in manifest.files() if _is_changed(file, manifest, repository.root)]
    if changed:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        told = f"changed after the scan: {', '.join(changed[:_SHOWN])}{more}"
        yield Check("stale", "warning", told, "scan again: byline scan")
    else:
        yield Check("stale", "ok", "the files here are those that were scanned")


def _is_changed(file: ManifestFile, manifest: Manifest, root: Path) -> bool:
    try:
        data = (root / file.path).read_bytes()
    except OSError:
        return True
    return manifest.by_source(data, file.path) is None


def _store(folder: Path, argument: str) -> Iterator[Check]:
    path = Path(argument) if argument else find_store(folder)
    if path is None:
        yield Check("store", "off", "none here or above", "byline run writes one")
        return
    try:
        with Store.open(path, read_only=True) as store:
            told = f"{path}: {_incidents(store)}, {path.stat().st_size / 1e6:.1f} MB"
            notes = store.unverified()
    except BylineError as error:
        yield Check("store", "error", str(error))
        return
    yield Check("store", "ok", told)
    for each in notes[:_SHOWN]:
        yield Check("last run", "warning", f"{each.subject}: {each.reason}", each.cure)


def _incidents(store: Store) -> str:
    """Count what `byline incidents` counts; of more of a kind than a minute may have, one is recorded for all."""
    told = count(sum(each.incidents for each in store.by_commit()), "incident")
    recorded = store.count_incidents()
    return told if told == count(recorded, "incident") else f"{told} ({recorded:,} recorded one by one)"


def find_store(folder: Path) -> Path | None:
    """Return the store of a folder, here or above within its repository."""
    for each in (folder.resolve(), *folder.resolve().parents):
        path = each / ".byline" / "byline.db"
        if path.is_file():
            return path
        if (each / ".git").exists():
            return None
    return None
