"""What the public interface promises type checkers; checked by three of them, never run."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import assert_type

import byline
from byline.sentry import BylineIntegration
from byline.store import CommitIncidents, Store


@byline.ai_generated
def total(prices: list[float], *, tax: float = 0.0) -> float:
    return sum(prices) * (1 + tax)


assert_type(total([1.0], tax=0.2), float)
total("1")  # type: ignore[arg-type]  # a misuse fails as it does without the mark
total([1.0], 0.2)  # type: ignore[call-arg]


@byline.ai_generated(tool="claude", reviewed_for=["security"])
def name(number: int) -> str:
    return str(number)


assert_type(name(1), str)


@byline.ai_generated
async def fetch(url: str) -> bytes:
    return url.encode()


async def use() -> None:
    assert_type(await fetch("/"), bytes)
    async for page in pages(2):
        assert_type(page, int)


@byline.ai_generated
def lines(text: str) -> Iterator[str]:
    yield from text.splitlines()


assert_type(lines("a"), Iterator[str])


@byline.ai_generated
async def pages(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


assert_type(pages(1), AsyncIterator[int])


class Cart:
    @byline.ai_generated
    def add(self, price: float) -> int:
        return int(price)

    @classmethod
    @byline.ai_generated
    def empty(cls) -> Cart:
        return cls()

    @byline.ai_generated
    @staticmethod
    def currency() -> str:
        return "EUR"

    @property
    @byline.ai_generated
    def size(self) -> int:
        return 0

    @functools.cached_property
    @byline.ai_generated
    def weight(self) -> float:
        return 0.0


assert_type(Cart().add(1.0), int)
assert_type(Cart.empty(), Cart)
assert_type(Cart.currency(), str)
assert_type(Cart().size, int)
assert_type(Cart().weight, float)


@byline.ai_generated
class Order:
    def __init__(self, number: int) -> None:
        self.number = number


assert_type(Order(1), Order)
assert_type(Order(1).number, int)

byline.ai_generated(tool=1)  # type: ignore[call-overload]
byline.ai_generated("claude")  # type: ignore[call-overload]

assert_type(byline.instrument(manifest=Path("byline.manifest"), store="byline.db", author="hash"), None)
byline.instrument(author="initials")  # type: ignore[arg-type]
assert_type(byline.instrument(sentry=True), None)
assert_type(BylineIntegration(capture="escaped", rate=5, spans=False), BylineIntegration)
BylineIntegration(capture="some")  # type: ignore[arg-type]
assert_type(byline.uninstrument(), None)
assert_type(byline.is_active(), bool)
assert_type(byline.__version__, str)

with Store.open("byline.db", read_only=True) as store:
    assert_type(store, Store)
    assert_type(store.by_commit(), tuple[CommitIncidents, ...])
