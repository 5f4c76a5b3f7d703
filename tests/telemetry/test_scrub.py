"""What may leave the process of an exception's text."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from byline._telemetry.scrub import MESSAGE_LIMIT, scrub


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no user ana@shop.example", "no user <email>"),
        ("postgres://app:hunter2@db/shop", "postgres://<credentials>@db/shop"),
        ("Authorization: Bearer abcdefghijk", "<secret>"),
        ("password='hunter2' is wrong", "password='<secret>' is wrong"),
        ("card 4111 1111 1111 1111", "card <number>"),
        ("key " + "0af3" * 10, "key <hex>"),
        ("division by zero", "division by zero"),
        ("'p99' is not in 3f2c1ab", "'p99' is not in 3f2c1ab"),
    ],
    ids=str,
)
def test_scrub(text, expected):
    """
    What looks like a secret goes; the rest stays.
    """
    assert expected in scrub(text)


def test_secret_is_gone():
    """
    Nothing of a token is left.
    """
    assert "abcdefghijk" not in scrub("Authorization: Bearer abcdefghijk")


@given(st.text(max_size=5_000))
def test_bounded(text):
    """
    Whatever the message is, it is cut to the limit.
    """
    assert len(scrub(text)) <= MESSAGE_LIMIT + 100
