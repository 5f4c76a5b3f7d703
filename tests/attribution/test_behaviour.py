"""What a function does, as a hash: what leaves it, what changes it, and that cutting is as good as parsing."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

from byline._attribution import behaviour
from byline._attribution.behaviour import behaviour_hashes
from byline._attribution.functions import definitions

BEFORE = """
def f(a, b=1):
    if a:
        return g(a, b)
    return None
"""


@pytest.mark.parametrize(
    "after",
    [
        "def f(a: int, b: int = 1) -> int | None:\n    if a:\n        return g(a, b)\n    return None\n",
        "def f(a, b=1):\n    '''Text.'''\n    if a:\n        return g(a, b)\n    return None\n",
        "def f(\n    a,\n    b=1,\n):\n    if a:\n        return g(\n            a,\n            b,\n        )\n    return None\n",
        "@cache\ndef f(a, b=1):\n    # why\n    if a:\n        return g(a, b)\n    return None\n",
        "import x\n\n\ndef f(a, b=1):\n    if (a):\n        return g(a, b)\n\n    return None\n",
    ],
    ids=["typing", "docstring", "formatter", "decorator-comment", "moved"],
)
def test_neutral_changes(after):
    """
    A change that leaves the behaviour leaves the hash.
    """
    assert behaviour_hashes(BEFORE.encode())["f"] == behaviour_hashes(after.encode())["f"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("return g(a, b)", "return g(b, a)"), ("b=1", "b=2"), ("if a:", "if not a:"), ("    return None\n", "")],
    ids=["arguments", "default", "condition", "deletion"],
)
def test_real_changes(old, new):
    """
    A change of behaviour changes the hash.
    """
    assert behaviour_hashes(BEFORE.encode())["f"] != behaviour_hashes(BEFORE.replace(old, new).encode())["f"]


def test_dedent_is_a_real_change():
    """
    A statement that leaves its block changes the behaviour.
    """
    after = BEFORE.replace("        return g(a, b)\n    return None\n", "        g(a, b)\n    return None\n")

    assert behaviour_hashes(BEFORE.encode())["f"] != behaviour_hashes(after.encode())["f"]


def test_inner_function_does_not_change_the_outer():
    """
    A nested function answers for itself.
    """
    one = behaviour_hashes(b"def f():\n    def g():\n        return 1\n    return g\n")
    two = behaviour_hashes(b"def f():\n    def g():\n        return 2\n    return g\n")

    assert (True, False) == (one["f"] == two["f"], one["f.<locals>.g"] == two["f.<locals>.g"])


@pytest.mark.parametrize(
    "module", ["argparse", "dataclasses", "typing", "asyncio.tasks", "email.message"], ids=str
)
def test_cutting_agrees_with_parsing(module):
    """
    A function cut out of its file hashes as it does in the parsed file.
    """
    source = Path(importlib.util.find_spec(module).origin).read_bytes()
    whole = behaviour_hashes(source)
    names = {name for name, node in definitions(ast.parse(source)) if not isinstance(node, ast.Lambda)}

    cut = {name: behaviour_hashes(source, {name})[name] for name in names}

    assert {name: whole[name] for name in names} == cut


def test_most_functions_can_be_cut():
    """
    Parsing the whole file is the exception.
    """
    source = Path(argparse_file()).read_bytes()
    names = {name for name, node in definitions(ast.parse(source)) if not isinstance(node, ast.Lambda)}

    assert (
        len([name for name in names if behaviour._hashes_of_pieces(source, {name}) is None]) < len(names) / 20
    )


def argparse_file() -> str:
    return importlib.util.find_spec("argparse").origin
