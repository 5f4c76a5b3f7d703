"""Callable objects become measured ones through wrapt: they stay what they are for everyone who looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import wrapt

from .._registry import Entry
from .wrapper import wrap


def _forward(target: Callable[..., Any], /, *arguments: object, **keywords: object) -> object:
    return target(*arguments, **keywords)


class MarkedCallable(wrapt.FunctionWrapper):  # type: ignore[type-arg]  # generic in wrapt's stubs only
    """A proxy that measures the calls of an object; never on the way of a plain function's call."""

    def __init__(self, target: Any, entry: Entry) -> None:  # noqa: ANN401  # whatever can be called
        measured = wrap(_forward, entry)  # type: ignore[arg-type]  # a def is a FunctionType

        def call(wrapped: Callable[..., Any], _instance: object, arguments: Any, keywords: Any) -> object:  # noqa: ANN401  # wrapt's form
            return measured(wrapped, *arguments, **keywords)

        super().__init__(target, call)
        self._self_entry = entry

    def __copy__(self) -> MarkedCallable:
        """Copy the object, and measure the copy."""
        from copy import copy

        return MarkedCallable(copy(self.__wrapped__), self._self_entry)

    def __deepcopy__(self, memo: dict[int, Any]) -> MarkedCallable:
        """Copy the object and what it holds, and measure the copy."""
        from copy import deepcopy

        return MarkedCallable(deepcopy(self.__wrapped__, memo), self._self_entry)

    def __reduce_ex__(self, protocol: Any) -> Any:  # noqa: ANN401  # as object has it
        """Pickle by name what is pickled by name; anything else as the object, to be marked again."""
        reduced = self.__wrapped__.__reduce_ex__(protocol)
        return reduced if isinstance(reduced, str) else (_mark_again, (self.__wrapped__,))


def _mark_again(target: object) -> object:
    from .decorator import mark

    return mark(target)  # type: ignore[type-var]  # it was marked before
