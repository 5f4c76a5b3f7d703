"""What commands print with: safe text, times, durations, shares."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from byline._cli.output import ago, count, duration, iso, moment, share, visible


@given(st.text(st.characters(), max_size=200))
def test_nothing_that_a_terminal_obeys_gets_through(text):
    """
    Control characters, marks that reorder or hide text and lone surrogates are spelled out.
    """
    shown = visible(text)

    assert shown.isprintable() or all(each.isprintable() or ord(each) > 0x9F for each in shown)
    assert not set(shown) & {"\x1b", "\n", "\r", "\x07", "\x9b", "\u202e", "\u2066", "\u200b", "\ufeff"}
    assert isinstance(shown.encode(), bytes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\x1b[31mc", "a\\nb\\x1b[31mc"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
        ("x" * 1_000_000, "x" * 300 + "… (and 999,700 more characters)"),
        ("Zoë 李", "Zoë 李"),
    ],
    ids=["ansi", "bidi", "markup", "long", "letters"],
)
def test_text_is_shown_as_it_is(text, expected):
    """
    Letters stay, tricks are spelled out, and what is too long says how much is missing.
    """
    assert expected == visible(text)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.2, "just now"), (59, "59 s ago"), (61, "1 min ago"), (7_199, "119 min ago"), (7_200, "2 h ago"),
     (172_800, "2 days ago"), (864_000, "10 days ago")],
)  # fmt: skip
def test_how_long_ago(seconds, expected):
    """
    The unit is the biggest that leaves at least two.
    """
    assert expected == ago(10**18, 10**18 + int(seconds * 1e9))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "0 µs"),
        (1.5e-6, "1.5 µs"),
        (0.0123, "12.3 ms"),
        (1.0, "1 s"),
        (12.34, "12.3 s"),
        (4_000, "4,000 s"),
    ],
)
def test_durations(seconds, expected):
    """
    Three digits and a unit that fits.
    """
    assert expected == duration(seconds)


@pytest.mark.parametrize(
    ("part", "expected"), [(0, "0.0 %"), (0.0001, "< 0.1 %"), (0.031, "3.1 %"), (1, "100.0 %")]
)
def test_shares(part, expected):
    """
    A share that is small but there is not nothing.
    """
    assert expected == share(part)


def test_counts_and_moments():
    """
    One is singular, thousands have commas, and a moment has its zone.
    """
    assert ["1 call", "1,204 calls", "2 indices"] == [
        count(1, "call"),
        count(1204, "call"),
        count(2, "index", "indices"),
    ]
    assert ("2023-11-14T22:13:20.000123Z", None) == (iso(1_700_000_000_000_123_000), iso(0))
    assert "2023-11-14 22:13:20 UTC" == moment(1_700_000_000_000_000_000)
