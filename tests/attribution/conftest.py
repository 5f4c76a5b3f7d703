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


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> RepositoryFactory:
    """Return one repository for all generated histories; each replaces the branch ``made``."""
    return RepositoryFactory(tmp_path_factory.mktemp("made"))
