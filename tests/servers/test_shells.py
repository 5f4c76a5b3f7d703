"""Completion in a real zsh and a real fish."""

from __future__ import annotations

import subprocess

import pytest

from ..shells import CASES, environment, shell
from .programs import program

pytestmark = pytest.mark.server
IDS = [typed.strip() for typed, _ in CASES]


@pytest.fixture(scope="module")
def zsh(tmp_path_factory):
    """A zsh with its own completion and byline's, as the help says to load it."""
    setup = 'autoload -U compinit; compinit -u -D; eval "$(byline completion zsh)"'
    with shell([program("zsh"), "-f", "-i"], tmp_path_factory.mktemp("zsh"), setup) as terminal:
        yield terminal


@pytest.mark.parametrize(("typed", "completed"), CASES, ids=IDS)
def test_zsh_completes(zsh, typed, completed):
    """
    A Tab completes commands, options, choices, and what is in the store.
    """
    zsh.type(typed)
    zsh.wait_for(completed)
    zsh.type("\x15")


@pytest.fixture(scope="module")
def fish(tmp_path_factory):
    """A folder with byline's completion where fish looks for it, as the help says to put it there."""
    folder = tmp_path_factory.mktemp("fish")
    environ = {**environment(folder), "XDG_CONFIG_HOME": str(folder / ".config")}
    setup = (
        "mkdir -p ~/.config/fish/completions; byline completion fish > ~/.config/fish/completions/byline.fish"
    )
    subprocess.run([program("fish"), "-c", setup], env=environ, cwd=folder, check=True, timeout=90)
    return folder, environ


@pytest.mark.parametrize(("typed", "completed"), CASES, ids=IDS)
def test_fish_completes(fish, typed, completed):
    """
    Fish offers commands, options, choices, and what is in the store, with what they are.
    """
    folder, environ = fish
    done = subprocess.run(
        [program("fish"), "-c", f"complete -C '{typed.strip()}'"],
        env=environ, cwd=folder, capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip

    assert (0, "") == (done.returncode, done.stderr)
    assert completed in [line.split("\t")[0] for line in done.stdout.splitlines()]
