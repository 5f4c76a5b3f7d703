"""Web addresses of commits and changes on the forges people use; pure, and nothing is asked of any server."""

from __future__ import annotations

from urllib.parse import urlsplit

# By what the host's name contains; the path of a commit, and that of a change.
_FORGES = (
    ("gitlab", "/-/commit/", "/-/merge_requests/"),
    ("bitbucket", "/commits/", "/pull-requests/"),
    ("github", "/commit/", "/pull/"),
    ("dev.azure", "/commit/", "/pullrequest/"),
    ("gitea", "/commit/", "/pulls/"),
    ("forgejo", "/commit/", "/pulls/"),
    ("codeberg", "/commit/", "/pulls/"),
)


def commit_url(repository: str, commit: str) -> str:
    """
    Return the page of a commit; empty when the repository has no web address.

    A host of an unknown kind gets the path that most forges have.
    """
    base, found = _base(repository)
    return f"{base}{found[0] if found else '/commit/'}{commit}" if base and commit else ""


def change_url(repository: str, number: str) -> str:
    """Return the page of a pull or merge request; empty when the forge is not known."""
    base, found = _base(repository)
    digits = number.lstrip("#!")
    return f"{base}{found[1]}{digits}" if base and found and digits.isdecimal() else ""


def _base(repository: str) -> tuple[str, tuple[str, str] | None]:
    try:
        parts = urlsplit(repository)
        host = parts.hostname or ""
    except ValueError:
        return "", None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return "", None
    paths = next(((commit, change) for name, commit, change in _FORGES if name in host), None)
    return repository.rstrip("/").removesuffix(".git"), paths
