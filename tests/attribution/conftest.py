"""Repositories for the build room's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ..repositories import RepositoryFactory


@pytest.fixture
def repo(tmp_path: Path) -> RepositoryFactory:
    """Return a new, empty repository."""
    return RepositoryFactory(tmp_path / "repo")


@pytest.fixture
def new_repo(tmp_path: Path) -> Callable[..., RepositoryFactory]:
    """Return a function that makes a repository of the given name."""

    def make(name: str, **options: str) -> RepositoryFactory:
        return RepositoryFactory(tmp_path / name, **options)

    return make
