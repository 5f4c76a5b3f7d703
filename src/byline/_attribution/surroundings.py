"""What a scan depends on besides history and records: settings, versions, and files outside of the revision."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version

from .entire import checkpoints
from .incremental import ignored_commits
from .repository import Repository
from .settings import ScanSettings

# What changes how git tells history, people and differences.
_SETTINGS = ("blame.", "core.", "diff.", "extensions.", "i18n.", "log.", "mailmap.")


def world_of(repository: Repository, revision: str, settings: ScanSettings, options: str) -> dict[str, str]:
    """Describe all that a scan depends on besides history and records, each part under a name for people."""
    try:
        byline = version("byline")
    except PackageNotFoundError:  # pragma: no cover  # not installed
        byline = ""
    config = b"\0".join(
        each for each in repository.settings if each.lower().startswith(tuple(map(str.encode, _SETTINGS)))
    )
    return {
        "byline's version": byline,
        "Python's version": platform.python_version(),
        "options": options,
        "git settings": digest(config),
        "settings in pyproject.toml": digest(repr(settings)),
        "commits to look through": digest(" ".join(sorted(ignored_commits(repository, revision)))),
        "a mailmap": digest(_mailmap(repository, config.lower())),
        "the edge of a shallow clone": digest(" ".join(sorted(repository.shallow_commits()))),
        "Entire's checkpoints": checkpoints(repository),
    }


def _mailmap(repository: Repository, config: bytes) -> bytes:
    found = [repository.root / ".mailmap"]
    if b"mailmap.file" in config:
        found += [repository.root / name for name in repository.config("mailmap.file", kind="path") if name]
    blobs = repository.read_names(
        list(repository.config("mailmap.blob")) if b"mailmap.blob" in config else []
    )
    texts = [each.read_bytes() if each.is_file() else b"" for each in found]
    return b"\0".join((*texts, *(each[1] if each else b"" for each in blobs)))


def digest(data: str | bytes) -> str:
    """Return a short digest of a text."""
    text = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return hashlib.blake2b(text, digest_size=12).hexdigest()
