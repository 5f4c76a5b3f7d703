"""The calls that are measured: one of each kind, made anew for every way, and how each is timed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from time import process_time, thread_time
from typing import Any

Function = Callable[..., Any]
Run = Callable[[int], float]
"""Makes so many calls, and returns the seconds of processor time that they took."""

THREADS = 4


def nothing(a: int, b: int = 2) -> None:
    """Do nothing: what is left is the cost of the call."""


def microsecond(a: int, b: int = 2) -> int:  # noqa: ARG001  # as the others
    """Work for about a microsecond."""
    return sum(range(60))


def hundred(a: int, b: int = 2) -> int:  # noqa: ARG001  # as the others
    """Work for about a hundred microseconds."""
    return sum(range(8_000))


def failing(a: int, b: int = 2) -> None:  # noqa: ARG001  # as the others
    """Fail."""
    raise KeyError(a)


def numbers(a: int, b: int = 2) -> Iterator[int]:
    """Yield three times."""
    yield a
    yield b
    yield a


async def awaited(a: int, b: int = 2) -> None:
    """Do nothing, asynchronously."""


class Cart:
    """Has a method."""

    def total(self, a: int, b: int = 2) -> None:
        """Do nothing."""


def timed(call: Function) -> Run:
    """Time calls of a function, in processor time of this thread: what others do meanwhile does not count."""

    def run(number: int) -> float:
        repeat = range(number)
        start = thread_time()
        for _ in repeat:
            call(1)
        return thread_time() - start

    return run


def timed_failing(call: Function) -> Run:
    """Time calls that raise."""

    def run(number: int) -> float:
        repeat = range(number)
        start = thread_time()
        for _ in repeat:
            try:  # noqa: SIM105  # suppress() would be measured too
                call(1)
            except KeyError:
                pass
        return thread_time() - start

    return run


def timed_awaiting(call: Callable[..., Coroutine[Any, Any, None]]) -> Run:
    """Time calls of an async function, without the event loop's own cost."""

    async def several(number: int) -> None:
        for _ in range(number):
            await call(1)

    def run(number: int) -> float:
        start = thread_time()
        with suppress(StopIteration):
            several(number).send(None)
        return thread_time() - start

    return run


def timed_iterating(call: Callable[..., Iterator[int]]) -> Run:
    """Time a generator from its beginning to its end."""

    def run(number: int) -> float:
        repeat = range(number)
        start = thread_time()
        for _ in repeat:
            for _ in call(1):
                pass
        return thread_time() - start

    return run


def timed_in_threads(call: Function) -> Run:
    """Time calls from several threads at once; whatever works in the background meanwhile counts too."""
    single = timed(call)

    def run(number: int) -> float:
        threads = [threading.Thread(target=single, args=(number // THREADS,)) for _ in range(THREADS)]
        start = process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return process_time() - start

    return run


def _method(decorate: Callable[[Function], Function]) -> Run:
    kind = type("Cart", (), {"total": decorate(copy(Cart.total))})
    return timed(kind().total)


KINDS: dict[str, Callable[[Callable[[Function], Function]], Run]] = {
    "1 µs of work": lambda decorate: timed(decorate(copy(microsecond))),
    "100 µs of work": lambda decorate: timed(decorate(copy(hundred))),
    "method": _method,
    "async": lambda decorate: timed_awaiting(decorate(copy(awaited))),
    "raising": lambda decorate: timed_failing(decorate(copy(failing))),
    "generator of 3": lambda decorate: timed_iterating(decorate(copy(numbers))),
    "4 threads": lambda decorate: timed_in_threads(decorate(copy(nothing))),
}
"""Every kind of call, but the one that does nothing: from a decorator to what is timed."""


def copy(function: Any) -> Function:  # noqa: ANN401  # a function
    """Return a function of its own for each way: a mark may belong to the code object."""
    made: Function = type(function)(
        function.__code__.replace(co_firstlineno=function.__code__.co_firstlineno),
        function.__globals__,
        function.__name__,
        function.__defaults__,
    )
    made.__module__, made.__qualname__ = function.__module__, function.__qualname__
    return made
