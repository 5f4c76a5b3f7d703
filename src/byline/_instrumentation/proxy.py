"""Callable objects become measured ones through wrapt: they stay what they are for everyone who looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import wrapt

from .._registry import Entry
from .wrapper import wrap


def _forward(target: Callable[..., Any], /, *arguments: object, **keywords: object) -> object:
    return target(*arguments, **keywords)


class _Copied:
    """How a measured object is copied and pickled; its class is beside a proxy's in the bases."""

    def __copy__(self) -> object:
        """Copy the object, and measure the copy."""
        from copy import copy

        return measured(copy(self.__wrapped__), self._self_entry)  # type: ignore[attr-defined]  # a proxy's

    def __deepcopy__(self, memo: dict[int, Any]) -> object:
        """Copy the object and what it holds, and measure the copy."""
        from copy import deepcopy

        return measured(deepcopy(self.__wrapped__, memo), self._self_entry)  # type: ignore[attr-defined]  # a proxy's

    def __reduce_ex__(self, protocol: Any) -> Any:  # noqa: ANN401  # as object has it
        """Pickle by name what is pickled by name; anything else as the object, to be marked again."""
        wrapped = self.__wrapped__  # type: ignore[attr-defined]  # a proxy's
        reduced = wrapped.__reduce_ex__(protocol)
        return reduced if isinstance(reduced, str) else (_mark_again, (wrapped,))


class MarkedMethod(_Copied, wrapt.FunctionWrapper):  # type: ignore[type-arg]  # generic in wrapt's stubs only
    """A proxy that measures the calls of an object that becomes a method in a class, such as a cached function."""

    def __init__(self, target: Any, entry: Entry) -> None:  # noqa: ANN401  # whatever can be called
        forward = wrap(_forward, entry)  # type: ignore[arg-type]  # a def is a FunctionType

        def call(wrapped: Callable[..., Any], _instance: object, arguments: Any, keywords: Any) -> object:  # noqa: ANN401  # wrapt's form
            return forward(wrapped, *arguments, **keywords)

        super().__init__(target, call)
        self._self_entry = entry


class MarkedObject(_Copied, wrapt.CallableObjectProxy):  # type: ignore[type-arg]  # generic in wrapt's stubs only
    """A proxy that measures the calls of any other object; it is no routine, for those who look."""

    def __init__(self, target: Any, entry: Entry) -> None:  # noqa: ANN401  # whatever can be called
        super().__init__(target)
        self._self_entry = entry
        self._self_forward = wrap(_forward, entry)  # type: ignore[arg-type]  # a def is a FunctionType

    def __call__(self, /, *arguments: object, **keywords: object) -> object:
        """Call the object, and measure it."""
        return self._self_forward(self.__wrapped__, *arguments, **keywords)


def measured(target: Any, entry: Entry) -> Any:  # noqa: ANN401  # whatever can be called
    """Return a proxy that measures the calls of an object; never on the way of a plain function's call."""
    return (MarkedMethod if hasattr(type(target), "__get__") else MarkedObject)(target, entry)


def _mark_again(target: object) -> object:
    from .decorator import mark

    return mark(target)  # type: ignore[type-var]  # it was marked before
