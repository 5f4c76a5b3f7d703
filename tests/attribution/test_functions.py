"""Functions in a source file, compared with what Python itself makes of it."""

from __future__ import annotations

import ast
import contextlib
import io
import sysconfig
import textwrap
import tokenize
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import given, settings, strategies as st

from byline._attribution import functions
from byline._attribution.functions import SourceError, functions_in

EVERYTHING = b'''\
import functools


@functools.cache
@functools.wraps(
    print
)
def decorated(
    one,
    two=lambda: 3,
):
    """Text."""
    # comment
    def inner():
        return one

    return inner


class Shop:
    @property
    def name(self):
        return self._name

    @name.setter
    def name(self, value): "text"; self._name = value

    @classmethod
    async def open(cls):
        yield cls

    class Inner:
        def method(self): return 1

    key = lambda self: 2


if decorated:
    def twice():
        return 1
else:
    def twice():
        return 2


async def wait():
    text = """
# no comment

    """
    return text
'''


def codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if not each.co_name.startswith("<") and each.co_flags & 0x2:  # CO_NEWLOCALS: a function
                yield each
            yield from codes(each)


def test_agrees_with_the_compiler():
    """
    Qualified names and first lines are those of the running code.
    """
    compiled = {(each.co_qualname, each.co_firstlineno) for each in codes(compile(EVERYTHING, "x", "exec"))}
    classes = {("Shop", 20), ("Shop.Inner", 32)}

    assert compiled - classes == {
        (each.qualname, each.first_line)
        for each in functions_in(EVERYTHING)
        if each.qualname != "Shop.<lambda>"
    }


def lines_of(source: str, name: str) -> tuple[int, ...]:
    found = functions_in(textwrap.dedent(source).lstrip("\n").encode())
    return next(each.behaviour for each in found if each.qualname == name)


def test_behaviour_leaves_out_what_does_nothing():
    """
    Decorators, docstring, comments and blank lines are no behaviour; nested functions have their own.
    """
    source = """
    @dec
    def f(a,
          b):
        '''Text

        more.'''
        # comment

        def g():
            return 1
        return a
    """

    assert (2, 3, 11) == lines_of(source, "f")


def test_lines_inside_a_string_are_behaviour():
    """
    A line of a string is behaviour, whatever it looks like.
    """
    source = """
    def f():
        return '''
    # this is text

    '''
    """

    assert (1, 2, 3, 4, 5) == lines_of(source, "f")


def test_one_liner():
    """
    A function on one line has that line, docstring or not.
    """
    assert (1,) == lines_of("def f(): 'text'; return 1", "f")


def test_only_a_docstring():
    """
    A function that is only a docstring still has its first line.
    """
    assert (1,) == lines_of("def f():\n    '''Text.'''\n", "f")


@pytest.mark.parametrize(
    "decorator",
    ["@ai_generated", "@byline.ai_generated", "@ai_generated(tool='claude')"],
    ids=["bare", "dotted", "called"],
)
def test_marked(decorator):
    """
    The decorator is recognised in each of its forms.
    """
    assert functions_in(f"{decorator}\ndef f(): pass\n".encode())[0].is_marked


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"def f(:\n", "syntax error in line 1"),
        (b"x = 1\rdef f(): pass\n", "carriage return"),
        (b"x = 1\ny = '\0'\n", "a NUL byte in line 2"),
        ("x = 1\n".encode("utf-16"), "a NUL byte in line 1: Python reads no such file; is it UTF-16"),
        (b"# coding: nonsense\n", "nonsense|encoding"),
        (b"x = '\xff'\n", "(?i)utf-8"),
    ],
    ids=["syntax", "cr", "nul", "utf-16", "coding", "latin"],
)
def test_refused(source, message):
    """
    A file that cannot be read says why.
    """
    with pytest.raises(SourceError, match=message):
        functions_in(source)


def test_declared_encoding():
    """
    A file in a declared encoding is read.
    """
    source = "# coding: latin-1\ndef f():\n    return 'é'\n".encode("latin-1")

    assert ["f"] == [each.qualname for each in functions_in(source)]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes(data):
    """
    Whatever a file holds, it is read or refused.
    """
    with contextlib.suppress(SourceError):
        functions_in(data)


STDLIB = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
SILENT = functions._SILENT
STRINGS = b'''\
def outer(
    # comment
    text="""

# not a comment
""",
): """Docstring

of two lines"""; joined = "one\\
# still a string\\
"

def continued():
    x = 1 + \\
\\
        2

    # comment
    def inner():
        return """

        """
    return (
        """

""" # comment

        "last"
    )

x = (
    lambda: """

# text
""")
'''


def tokenized(source: bytes) -> list[tuple[int, ...]]:
    """Return the functions' behaviour as the tokens of the whole file tell."""
    busy: set[int] = set()
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type not in SILENT:
            busy.update(range(token.start[0], token.end[0] + 1))
    found = []
    for _, node in functions.definitions(ast.parse(source)):
        hidden = functions._docstring_lines(node)
        hidden.update(line for inner in functions._nested(node) for line in functions._span(inner))
        lines = range(node.lineno, node.end_lineno + 1)
        found.append(tuple(line for line in lines if line in busy - hidden) or (node.lineno,))
    return found


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(STDLIB))
def test_behaviour_is_what_carries_tokens(module):
    """
    A line belongs to a function's behaviour as the tokens of the whole file say.
    """
    source = module.read_bytes()

    assert tokenized(source) == [each.behaviour for each in functions_in(source)]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_lines_inside_strings(ending):
    """
    An empty line, or one that looks like a comment, counts when it is in the middle of a string.
    """
    source = STRINGS.replace(b"\n", ending)

    assert tokenized(source) == [each.behaviour for each in functions_in(source)]
