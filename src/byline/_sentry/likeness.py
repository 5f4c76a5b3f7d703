"""What filters get to see in the place of an exception: one like it, which keeps nothing of it alive."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Sized
from contextlib import suppress
from typing import Any, cast

_LIMIT = 50
"""Exceptions that one may hold, and that are still made."""

_ITEMS = 100
"""What a container may hold to be looked into."""

_CONTAINERS: dict[type, Callable[[Iterable[object]], object]] = {
    each: each for each in (list, tuple, set, frozenset)
}

_HEAP_TYPE = 1 << 9
"""CPython's flag of classes that were made by a ``class`` statement."""

# What has frames keeps alive all that they know, and with them the exception.
_LIVE = (
    types.TracebackType,
    types.FrameType,
    types.CoroutineType,
    types.GeneratorType,
    types.AsyncGeneratorType,
)


def likeness_of(exception: BaseException) -> BaseException | None:
    """
    Return an exception of the same type with the same arguments and attributes, but without a traceback.

    No code of the class runs. Exceptions that it holds, such as the members of a group, are replaced by their
    likenesses; tracebacks, frames, coroutines and futures by None.

    Returns:
        None where the class does not allow it: then filters have its type only.
    """
    return _Copy().of(exception)


class _Copy:
    """One exception and those that it holds."""

    def __init__(self) -> None:
        self._made: dict[int, BaseException | None] = {}
        """By the id of the original, which is alive meanwhile; None while it is being made."""

    def of(self, exception: BaseException) -> BaseException | None:
        key = id(exception)
        if key in self._made or len(self._made) >= _LIMIT:
            return self._made.get(key)
        self._made[key] = None
        try:
            likeness = self._made[key] = self._of(exception)
        except Exception:  # noqa: BLE001  # a class of the program's may do anything
            return None
        return likeness

    def _of(self, exception: BaseException) -> BaseException:
        kind = type(exception)
        # The nearest built-in class makes it, so that no code of the program's runs.
        base: Any = next(each for each in kind.__mro__ if not each.__flags__ & _HEAP_TYPE)
        arguments = [*map(self._value, self._arguments(exception))]
        likeness: BaseException = base.__new__(kind, *arguments)
        with suppress(Exception):  # a constructor of the class may have changed what it passed on
            base.__init__(likeness, *arguments)
        # Past a __setattr__ or __dict__ of the class.
        object.__getattribute__(likeness, "__dict__").update(
            {name: self._value(value) for name, value in vars(exception).items()}
        )
        return likeness

    def _arguments(self, exception: BaseException) -> tuple[object, ...]:
        if isinstance(exception, BaseExceptionGroup):
            members = [each for each in map(self.of, exception.exceptions[:_LIMIT]) if each is not None]
            return exception.message, members
        return exception.args

    def _value(self, value: object) -> object:
        if isinstance(value, BaseException):
            return self.of(value)
        if isinstance(value, _LIVE) or hasattr(type(value), "add_done_callback"):
            return None
        make = _CONTAINERS.get(type(value))
        if make is not None and len(cast(Sized, value)) <= _ITEMS:
            return make(map(self._value, cast(Iterable[object], value)))
        if type(value) is dict and len(value) <= _ITEMS:
            return {name: self._value(each) for name, each in value.items()}
        return value
