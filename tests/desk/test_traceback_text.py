"""Tracebacks as text: real ones from every interpreter here, in logs, in JSON, damaged and hostile."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import traceback

import pytest
from hypothesis import given, strategies as st

from byline._desk.traceback_text import ParsedException, TracebackFrame, frames_of, parse

PROGRAM = """\
import traceback

def sink(depth):
    if depth:
        return sink(depth - 1)
    raise KeyError("x")

def cause():
    try:
        sink(20)
    except KeyError as error:
        raise ValueError("two\\nlines") from error

def group():
    errors = []
    for each in (cause, lambda: 1 / 0):
        try:
            each()
        except Exception as error:
            errors.append(error)
    inner = ExceptionGroup("inner", [OSError("plain")])
    raise ExceptionGroup("outer", [*errors, inner])

try:
    group()
except ExceptionGroup:
    try:
        raise RuntimeError
    except RuntimeError:
        traceback.print_exc()
"""


def interpreters():
    """Every Python from 3.11 on that is here: the format has changed with each."""
    found = {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}
    for minor in range(11, 16):
        path = shutil.which(f"python3.{minor}")
        works = path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
        if works:
            found.setdefault(f"3.{minor}", path)
    return [pytest.param(path, id=version) for version, path in found.items()]


@pytest.fixture(params=interpreters())
def printed(request, tmp_path):
    """What an interpreter prints for a chain with a group in it."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    return subprocess.run([request.param, str(program)], capture_output=True, text=True, check=True).stderr


def shape(chain):
    """A chain without file names."""
    return [
        (
            each.type,
            each.message,
            [(frame.name, frame.line) for frame in each.frames],
            [shape(m) for m in each.members],
        )
        for each in chain
    ]


EXPECTED = [
    (
        "ExceptionGroup", "outer (3 sub-exceptions)", [("<module>", 25), ("group", 22)],
        [
            [
                ("KeyError", "'x'", [("cause", 10), ("sink", 5), ("sink", 5), ("sink", 5), ("sink", 6)], []),
                ("ValueError", "two\nlines", [("group", 18), ("cause", 12)], []),
            ],
            [("ZeroDivisionError", "division by zero", [("group", 18), ("<lambda>", 16)], [])],
            [("ExceptionGroup", "inner (1 sub-exception)", [], [[("OSError", "plain", [], [])]])],
        ],
    ),
    ("RuntimeError", "", [("<module>", 28)], []),
]  # fmt: skip


def test_chains_groups_and_recursion_are_read(printed):
    """
    Causes, contexts, members of groups and repeated frames come out as they were raised.
    """
    (chain,) = parse(printed)

    assert EXPECTED == shape(chain)
    assert [17] == [frame.repeated for frame in frames_of(chain) if frame.repeated]
    assert 'raise KeyError("x")' == chain[0].members[0][0].frames[-1].code


def in_compose(text):
    lines = [
        f"web_1  | 2026-11-21T06:50:{number % 60:02} {line}" for number, line in enumerate(text.splitlines())
    ]
    return "\n".join([*lines, "web_1  | 2026-11-21T06:51:00 INFO: going on", "db_1   | checkpoint"])


@pytest.mark.parametrize(
    "wrap",
    [
        in_compose,
        lambda text: "".join(f"\t    {line}\n" for line in text.splitlines()),
        lambda text: f"2026-11-21 06:50:31 ERROR shop: {text}2026-11-21 06:50:32 INFO shop: next\n",
        lambda text: json.dumps({"level": "error", "exc": [text]}) + "\n" + json.dumps({"level": "info"}),
        lambda text: "\x1b[31m" + text.replace("\n", "\x1b[0m\n"),
        lambda text: "level=error exc=" + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"),
        lambda text: text.replace("\n", "\r\n"),
    ],
    ids=["compose", "indented", "log record", "json", "coloured", "escaped", "crlf"],
)
def test_what_is_around_a_traceback_does_not_matter(printed, wrap):
    """
    Prefixes, indents, colours and JSON around the text change nothing.
    """
    (chain,) = parse(wrap(printed))

    assert EXPECTED == shape(chain)


def test_a_stated_cause_and_a_context_are_one_chain():
    """
    Both sentences between two tracebacks link them, the root cause first.
    """
    (chain,) = parse(
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\nKeyError: 1\n\n'
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "b.py", line 2, in g\nshop.Broken: 2\n\n'
        "The above exception was the direct cause of the following exception:\n\n"
        'Traceback (most recent call last):\n  File "c.py", line 3, in h\nTypeError: 3\n'
    )

    assert ["KeyError", "shop.Broken", "TypeError"] == [each.type for each in chain]
    assert ["a.py", "b.py", "c.py"] == [frame.filename for frame in frames_of(chain)]


def test_separate_tracebacks_stay_apart():
    """
    A log with two failures holds two chains, in its order.
    """
    one = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nKeyError: 1\n'

    assert [["KeyError"], ["ValueError"]] == [
        [each.type for each in chain]
        for chain in parse(f"{one}all is well\n{one.replace('KeyError', 'ValueError')}")
    ]


def test_a_traceback_that_breaks_off_before_another():
    """
    What is there of the first is not given to the second.
    """
    head = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n'

    assert [("", 1), ("KeyError", 1)] == [
        (chain[-1].type, len(chain[-1].frames)) for chain in parse(f"{head}{head}KeyError\n")
    ]


def test_a_traceback_without_its_first_line_after_another():
    """
    Frames that follow a finished traceback begin a new one.
    """
    frame = '  File "a.py", line 1, in f\n'

    assert ["KeyError", "ValueError"] == [
        chain[-1].type for chain in parse(f"{frame}KeyError\n{frame}ValueError\n")
    ]


def test_groups_that_break_off():
    """
    Members without their last line, ends that are missing, and what follows all stay apart.
    """
    group = (
        '  + Exception Group Traceback (most recent call last):\n  |   File "g.py", line 1, in g\n'
        "  | ExceptionGroup: x (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n"
        '    | Traceback (most recent call last):\n    |   File "a.py", line 1, in f\n'
    )
    cut = f"{group}    +---------------- 2 ----------------\n    | KeyError: 2\n  +------------------------------------\n"
    other = '    | KeyError: 1\n    | Traceback (most recent call last):\n    |   File "b.py", line 2, in h\nValueError\n'

    (chain,) = parse(cut)
    first, second = parse(group + other)

    assert [["", 1], ["KeyError", 0]] == [
        [member[0].type, len(member[0].frames)] for member in chain[0].members
    ]
    assert (["KeyError"], "b.py") == (
        [each[0].type for each in first[0].members],
        second[0].frames[0].filename,
    )


def test_a_syntax_error_has_its_place():
    """
    The file that could not be compiled is a frame without a function.
    """
    (chain,) = parse(
        'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    import b\n'
        '  File "b.py", line 7\n    def f(:\n          ^\nSyntaxError: invalid syntax\n'
    )

    assert (TracebackFrame("b.py", 7, "", "def f(:"),) == chain[0].frames[1:]
    assert ("SyntaxError", "invalid syntax") == (chain[0].type, chain[0].message)


def test_a_message_of_several_lines_ends_with_it():
    """
    A message goes on over lines and notes, up to an empty line.
    """
    (chain,) = parse('  File "a.py", line 1, in f\nValueError: one\n  two\nthree\n\nfour\n')

    assert "one\n  two\nthree" == chain[0].message


def test_a_statement_of_several_lines_shows_its_first():
    """
    Newer interpreters print all lines of a statement, with markers between.
    """
    (chain,) = parse(
        'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    total = (\n            ^\n'
        "        a / b\n        ~~^~~\n    )\n    ^\nZeroDivisionError: division by zero\n"
    )

    assert ("total = (", "ZeroDivisionError") == (chain[0].frames[0].code, chain[0].type)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('  File "a.py", line 1, in f\n    x\n', [("", ["a.py"])]),
        ('File "a.py", line 1, in f\n', []),
        ("Traceback (most recent call last):\n", []),
        ("all is well\n", []),
        ("", []),
        (
            (
                '  | Traceback (most recent call last):\n  |   File "a.py", line 1, in f\n  | ExceptionGroup: x\n'
                "  +-+---------------- 1 ----------------\n    | KeyError: 1\n"
            ),
            [("ExceptionGroup", ["a.py"])],
        ),
    ],
    ids=["no last line", "no indent", "header only", "prose", "nothing", "group cut short"],
)
def test_what_is_cut_off_is_read_as_far_as_it_goes(text, expected):
    """
    A damaged traceback gives what is there, and no traceback gives nothing.
    """
    found = [(chain[-1].type, [frame.filename for frame in chain[-1].frames]) for chain in parse(text)]

    assert expected == found


PIECES = st.sampled_from([
    "Traceback (most recent call last):", '  File "a.py", line 1, in f', '  File "b.py", line 2', "    code()", "    ^^^^",
    "  [Previous line repeated 3 more times]", "ValueError: no", "KeyError", "", "  |", "  | ", "    | KeyError: 1",
    "  + Exception Group Traceback (most recent call last):", '  |   File "a.py", line 1, in f', "  | ExceptionGroup: x",
    "  +-+---------------- 1 ----------------", "    +---------------- 2 ----------------",
    "    +------------------------------------",
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:", "2026-11-21 INFO x", "\x1b[31m", "{",
])  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("\n".join))
def test_pieces_in_any_order_never_crash(text):
    """
    Interleaved logs give nonsense at worst.
    """
    assert all(isinstance(each, ParsedException) for chain in parse(text) for each in chain)


@given(st.text(max_size=300))
def test_any_text_is_read_without_a_crash(text):
    """
    The text comes from anywhere.
    """
    parse(text)


@given(st.text(min_size=1, max_size=30, alphabet=st.characters(codec="utf-8", exclude_categories=["C", "Z"])))
def test_a_message_comes_out_as_it_went_in(message):
    """
    What the interpreter prints after the type is the message.
    """
    try:
        raise ValueError(message)  # noqa: TRY301  # the exception is what is tested
    except ValueError as error:
        (chain,) = parse("".join(traceback.format_exception(error)))

    assert ("ValueError", message) == (chain[0].type, chain[0].message)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    ['  File "' * 200_000, "ValueError: " + "x" * 1_000_000, "  +-+---------------- 1 ----------------\n" * 20_000,
     "Traceback (most recent call last):\n" * 50_000, '  File "a.py", line 1, in f\n' * 50_000,
     '  File "a.py", line ' + "9" * 5_000 + ", in f\n", "{" * 100_000 + "\\n"],
    ids=["quotes", "message", "borders", "headers", "frames", "number", "json"],
)  # fmt: skip
def test_hostile_text_takes_no_time(text):
    """
    A megabyte of anything is read in linear time.
    """
    parse(text)
