"""Whether two versions of a function do the same, and that cutting is as good as parsing."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

from byline._attribution.behaviour import lines_before, unchanged
from byline._attribution.functions import definitions
from byline._attribution.versions import FileVersion

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
    A change that leaves the behaviour is no change.
    """
    assert {"f"} == unchanged(BEFORE.encode(), after.encode(), {"f"})


@pytest.mark.parametrize(
    ("old", "new"),
    [("return g(a, b)", "return g(b, a)"), ("b=1", "b=2"), ("if a:", "if not a:"), ("    return None\n", "")],
    ids=["arguments", "default", "condition", "deletion"],
)
def test_real_changes(old, new):
    """
    A change of behaviour is a change.
    """
    assert set() == unchanged(BEFORE.encode(), BEFORE.replace(old, new).encode(), {"f"})


@pytest.mark.parametrize("quote", ['"""', "'''"])
def test_a_string_at_the_margin_does_not_end_a_function(quote):
    """
    What follows a string that reaches the margin belongs to the function, too.
    """
    before = f"def f(a):\n    query = {quote}select\nfrom b\n{quote}\n    return run(query, a)\n"

    assert set() == unchanged(before.encode(), before.replace("query, a", "a, query").encode(), {"f"})
    assert {"f"} == unchanged(before.encode(), b"import a\n\n\n" + before.encode(), {"f"})


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (
            "import x\n\n\ndef f(a, b=1):\n    if a:\n        return g(a, b)\n    return None\n",
            {4: {2}, 5: {3}, 6: {4}, 7: {5}},
        ),
        (
            "def f(\n    a: int,\n    b=1,\n) -> None:\n    if a:\n        return g(\n            a,\n            b,\n        )\n    return None\n",
            {1: {2}, 2: {2}, 3: {2}, 4: {2}, 5: {3}, 6: {4}, 7: {4}, 8: {4}, 9: {4}, 10: {5}},
        ),
        (
            "def f(a, b=1):\n    '''Text.'''\n    # why\n    if a: return g(a, b)\n    return None\n",
            {1: {2}, 4: {3, 4}, 5: {5}},
        ),
    ],
    ids=["moved", "split", "joined"],
)
def test_where_lines_were_before(after, expected):
    """
    A formatter splits lines and joins them; each goes back to where its parts began.
    """
    found = lines_before(FileVersion(BEFORE.encode()), FileVersion(after.encode()), "f")

    assert expected == {line: set(found[line]) for line in expected}


def test_where_lines_of_a_method_were_before():
    """
    The numbers are those of the file, however deep a function is in it and whatever stands above.
    """
    before = "class A:\n    x = 1\n\n    def f(self):\n        y: int = 2\n        return y\n"
    after = "import b\n\n\nclass A:\n    @b\n    def f(self):\n        y = 2\n        return (\n            y\n        )\n"

    found = lines_before(FileVersion(before.encode()), FileVersion(after.encode()), "A.f")

    assert {6: {4}, 7: {5}, 8: {6}, 9: {6}, 10: {6}} == {line: set(each) for line, each in found.items()}


def test_the_decorator_of_a_class_inside_is_a_real_change():
    """
    It runs when the function does, and nobody else answers for it.
    """
    before = b"def f(a):\n    @a.one\n    class B:\n        x = 1\n    return B\n"

    assert set() == unchanged(before, before.replace(b"a.one", b"two(a)"), {"f"})


def test_dedent_is_a_real_change():
    """
    A statement that leaves its block changes the behaviour.
    """
    after = BEFORE.replace("        return g(a, b)\n    return None\n", "        g(a, b)\n    return None\n")

    assert set() == unchanged(BEFORE.encode(), after.encode(), {"f"})


def test_inner_function_does_not_change_the_outer():
    """
    A nested function answers for itself.
    """
    one = b"def f():\n    def g():\n        return 1\n    return g\n"
    two = b"def f():\n    def g():\n        return 2\n    return g\n"

    assert {"f"} == unchanged(one, two, {"f", "f.<locals>.g"})


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("return 1", "return 1.0"),
        ("return 1", "return True"),
        ("x: int", "x: int = 1"),
        ("return 'a'", "return b'a'"),
    ],
    ids=["float", "bool", "value", "bytes"],
)
def test_values_that_compare_equal_are_not_the_same(one, two):
    """
    Python calls 1, 1.0 and True equal; as code they differ.
    """
    assert set() == unchanged(f"def f():\n    {one}\n".encode(), f"def f():\n    {two}\n".encode(), {"f"})


@pytest.mark.parametrize(
    "module", ["argparse", "dataclasses", "typing", "asyncio.tasks", "email.message"], ids=str
)
def test_cutting_agrees_with_parsing(module):
    """
    A function cut out of its file hashes as it does in the parsed file.
    """
    source = Path(importlib.util.find_spec(module).origin).read_bytes()
    tree = dict(definitions(ast.parse(source)))
    names = {name for name, node in tree.items() if not isinstance(node, ast.Lambda)}

    assert names == unchanged(source, b"# moved\n" + source, names)
    assert set() == unchanged(
        source, source.replace(b"return ", b"return 1 or "), {n for n in names if _returns(tree[n])}
    )


def _returns(node: ast.AST) -> bool:
    """Whether the function itself, not one inside it, returns a value."""
    inner = [
        each
        for each in ast.walk(node)
        if each is not node and isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return not inner and any(isinstance(each, ast.Return) and each.value for each in ast.walk(node))


@pytest.mark.parametrize("module", ["argparse", "textwrap", "unittest.mock"])
def test_functions_are_cut_out(module):
    """
    No file is parsed as a whole to compare its functions, not even one with text at the margin.
    """
    source = Path(importlib.util.find_spec(module).origin).read_bytes()
    names = {name for name, node in definitions(ast.parse(source)) if not isinstance(node, ast.Lambda)}
    version = FileVersion(source)

    assert all(len(version.nodes(name)) == 1 for name in names)
    assert "_parsed" not in vars(version)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_name_that_is_not_ascii(encoding):
    """
    A function is found whatever alphabet its name is written in.
    """
    before = f"# coding: {encoding}\nclass Café:\n    def numéro(self):\n        return 1\n".encode(encoding)
    after = before.replace(b"return 1", b"return 1  # formatted")

    assert {"Café.numéro"} == unchanged(before, after, {"Café.numéro"})


def argparse_file() -> str:
    return importlib.util.find_spec("argparse").origin
