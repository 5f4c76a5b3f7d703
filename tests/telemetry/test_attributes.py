"""What spans and data points say of a function."""

from __future__ import annotations

import hashlib

import pytest

from byline._config import Config
from byline._model import Attribution, Function
from byline._registry import Entry
from byline._telemetry.attributes import author, function_attributes, metric_attributes, span_attributes

FOUND = Attribution(
    "ai", "medium", "moved", "c" * 40, "d" * 40, "Ana", "claude", "opus", "trailer", "s1", "7", 0, 4, 99
)
WHERE = Function("shop.cart", "Cart.total", "src/shop/cart.py", 10, 11, 20)

METRIC = {
    "code.function.name": "shop.cart.Cart.total",
    "byline.commit": "c" * 40,
    "byline.last_commit": "d" * 40,
    "byline.author": "Ana",
    "byline.tool": "claude",
}
BOTH = {
    **METRIC,
    "code.file.path": "src/shop/cart.py",
    "code.line.number": 11,
    "byline.model": "opus",
    "byline.evidence": "trailer",
    "byline.confidence": "medium",
    "byline.status": "moved",
    "byline.ai_lines": 0,
    "byline.lines": 4,
}


def entry(attribution: Attribution = FOUND, where: Function = WHERE) -> Entry:
    return Entry(entry.__code__, where, attribution)


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (metric_attributes, METRIC),
        (function_attributes, {**BOTH, "byline.committed_at": 99}),
        (span_attributes, {**BOTH, "byline.session": "s1", "vcs.change.id": "7"}),
    ],
    ids=["metric", "function", "span"],
)
def test_attributes(of, expected):
    """
    Each signal says what the design gives it, under the names of the conventions.
    """
    assert expected == of(entry(), Config())


@pytest.mark.parametrize("of", [metric_attributes, function_attributes, span_attributes])
def test_empty_values_are_left_out(of):
    """
    What is not known is not said.
    """
    unknown = of(entry(Attribution(status="ok", confidence="none")), Config())

    assert {"code.function.name"} == unknown.keys() - {
        "code.file.path", "code.line.number", "byline.status", "byline.confidence",
    }  # fmt: skip


def test_path_that_is_no_text():
    """
    A path that is not UTF-8 is spelled so that it can be exported.
    """
    where = Function("shop", "total", "caf\udce9.py", 1, 1, 1)

    assert "caf\\udce9.py" == span_attributes(entry(where=where), Config())["code.file.path"]


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("recorded", "form", "expected"),
    [
        ("Ana", "name", "Ana"),
        ("Ana <Ana@x.org>", "name", "Ana"),
        ("ana@x.org", "name", "ana@x.org"),
        ("Ana", "email", "Ana"),
        ("Ana <Ana@x.org>", "email", "Ana@x.org"),
        ("Ana", "hash", hashed("ana")),
        ("Ana <Ana@x.org>", "hash", hashed("ana@x.org")),
        ("Ana\udce9", "hash", hashlib.sha256("ana\udce9".encode(errors="surrogatepass")).hexdigest()[:16]),
        ("Ana", "off", ""),
        ("", "name", ""),
    ],
)
def test_author(recorded, form, expected):
    """
    The author appears in the form that the settings ask for, or not at all.
    """
    assert expected == author(recorded, form)
