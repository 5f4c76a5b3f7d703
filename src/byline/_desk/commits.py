"""Which commit a person means: one answer for every command."""

from __future__ import annotations

from .._manifest import Manifest
from ..exceptions import UnknownCommitError
from ..store import Store


def full_sha(prefix: str, store: Store, manifest: Manifest | None = None) -> str:
    """
    Return the full SHA of the one commit that a prefix of at least four digits names.

    Args:
        manifest: Knows commits that the store does not: of functions that never ran.

    Raises:
        UnknownCommitError: The prefix is too short, names no commit, or several.
    """
    try:
        return store.commit(prefix)
    except UnknownCommitError:
        if manifest is None or store.commits(prefix):
            raise
        found = [each.sha for each in manifest.commits() if each.sha.startswith(prefix.lower())]
        if len(found) != 1:
            raise
        return found[0]
