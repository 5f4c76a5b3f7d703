"""Kinds of functions and their parameters, without their bodies: what the cost of a wrapper depends on."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from .signature import parameters_of

_FUNCTIONS = {
    "function": "def {name}({declared}):\n    pass\n",
    "coroutine": "async def {name}({declared}):\n    pass\n",
    "generator": "def {name}({declared}):\n    yield\n",
    "async generator": "async def {name}({declared}):\n    yield\n",
}
_LOOPS = {
    "function": "def run(number):\n    for _ in range(number):\n        call({passed})\n",
    "coroutine": "async def run(number):\n    for _ in range(number):\n        await call({passed})\n",
    "generator": "def run(number):\n    for _ in range(number):\n        for _ in call({passed}):\n            pass\n",
    "async generator": "async def run(number):\n    for _ in range(number):\n        async for _ in call({passed}):\n            pass\n",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What kind of function it is, and its parameters."""

    kind: str
    """``function``, ``coroutine``, ``generator`` or ``async generator``."""

    signature: str
    """The parameters as in a ``def``, without defaults."""

    passed: str
    """An argument for each parameter but ``*`` and ``**``: None."""

    def make(self) -> FunctionType:
        """Return a new function of this shape that does nothing."""
        source = _FUNCTIONS[self.kind].format(name="nothing", declared=self.signature)
        made = _run(source)["nothing"]
        assert isinstance(made, FunctionType)  # noqa: S101  # the source is a def
        return made

    def run(self, call: Callable[..., Any]) -> Callable[[int], object]:
        """Return what calls a function of this shape so many times."""
        run: Callable[[int], Any] = _run(_LOOPS[self.kind].format(passed=self.passed), call=call)["run"]
        return _driven(run) if self.kind in ("coroutine", "async generator") else run


def shape_of(code: CodeType) -> Shape:
    """Return the shape of a function."""
    parameters = parameters_of(code)
    if len(parameters.names) != code.co_argcount + code.co_kwonlyargcount + _stars(code):
        return Shape(kind_of(code), parameters.declared, "")  # a generated function with names of its own
    positional = ["None"] * code.co_argcount
    keywords = [f"{name}=None" for name in parameters.names[code.co_argcount :][: code.co_kwonlyargcount]]
    return Shape(kind_of(code), parameters.declared, ", ".join([*positional, *keywords]))


def kind_of(code: CodeType) -> str:
    """Tell what kind of function it is."""
    if code.co_flags & inspect.CO_ASYNC_GENERATOR:
        return "async generator"
    if code.co_flags & inspect.CO_COROUTINE:
        return "coroutine"
    return "generator" if code.co_flags & inspect.CO_GENERATOR else "function"


def _stars(code: CodeType) -> int:
    return bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)


def _run(source: str, **names: object) -> dict[str, Any]:
    namespace: dict[str, Any] = {**names}
    exec(compile(source, "<byline shape>", "exec", dont_inherit=True), namespace)  # noqa: S102  # our own source; the names in it are identifiers
    return namespace


def _driven(run: Callable[[int], Any]) -> Callable[[int], object]:
    """Run a coroutine to its end; it waits for nothing."""

    def drive(number: int) -> None:
        try:
            run(number).send(None)
        except StopIteration:
            return

    return drive
