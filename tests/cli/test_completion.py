"""Completion in a real bash; ``tests/servers/test_shells.py`` has the other shells."""

from __future__ import annotations

import pytest

from ..shells import CASES, shell


@pytest.fixture(scope="module")
def bash(tmp_path_factory):
    """A bash with byline's completion, as the help says to load it."""
    words = ["bash", "--norc", "--noprofile", "-i"]
    with shell(words, tmp_path_factory.mktemp("bash"), 'eval "$(byline completion bash)"') as terminal:
        yield terminal


@pytest.mark.parametrize(("typed", "completed"), CASES, ids=[typed.strip() for typed, _ in CASES])
def test_bash_completes(bash, typed, completed):
    """
    A Tab completes commands, options, choices, and what is in the store.
    """
    bash.type(typed)
    bash.wait_for(completed)
    bash.type("\x15")  # Ctrl-U takes the line away
