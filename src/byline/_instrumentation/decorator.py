"""The mark a person writes, ``@ai_generated``, on whatever can be called; how a call is measured is wrapper.py's."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType, MethodType
from typing import Any, Protocol, TypeVar, cast, overload

from .. import _config, _registry
from .._registry import Entry
from .._telemetry import faults
from ..exceptions import ConfigError
from . import development, lookup  # noqa: F401  # development.py has git asked where no manifest answers
from .declaration import Declaration, declare
from .selection import is_excluded
from .wrapper import wrap

# One type variable, where a ParamSpec would do for functions only: a class stays that
# class, an overloaded function keeps its overloads, and a cached one its cache_info().
_Target = TypeVar(
    "_Target", bound="Callable[..., Any] | property | classmethod[Any, Any, Any] | staticmethod[Any, Any]"
)


class Mark(Protocol):
    """What ``ai_generated(...)`` returns: a decorator that keeps the type of what it decorates."""

    def __call__(self, target: _Target, /) -> _Target:
        """Mark a function, method, class or callable object."""


@overload
def ai_generated(target: _Target, /) -> _Target: ...
@overload
def ai_generated(
    *,
    tool: str = "",
    model: str = "",
    commit: str = "",
    author: str = "",
    session: str = "",
    reviewed_by: str = "",
    reviewed_for: Iterable[str] = (),
) -> Mark: ...
def ai_generated(  # noqa: PLR0913  # each is a word of its own that a person may add
    target: _Target | None = None,
    /,
    *,
    tool: str = "",
    model: str = "",
    commit: str = "",
    author: str = "",
    session: str = "",
    reviewed_by: str = "",
    reviewed_for: Iterable[str] = (),
) -> _Target | Mark:
    """
    Mark a function as AI-generated, and measure its calls from now on.

    Use it bare or with keyword arguments, on functions, methods, async functions,
    generators, static and class methods, properties, classes (each method defined in it),
    partials and callable objects, above or below other decorators. The signature, the
    identity and the behaviour stay the same. To mark twice is to mark once.
    With ``BYLINE_DISABLED=1`` it returns what it was given.

    What is given here wins over what git tells; what is left out, git may tell.

    Args:
        tool: The tool that wrote it, such as ``claude`` or ``copilot``.

        model: The model, as free text.

        commit: SHA of the commit that introduced it; a prefix of the one git names will do.

        author: The human accountable for it.

        session: An opaque id of the tool's session.

        reviewed_by: Who reviewed it.

        reviewed_for: What the review looked for.

    Raises:
        TypeError: A value is not text, or the target is nothing that can be measured.
        ConfigError: The commit is no SHA, or a ``BYLINE_*`` variable is malformed.
    """
    texts = {
        "tool": tool,
        "model": model,
        "commit": commit,
        "author": author,
        "session": session,
        "reviewed_by": reviewed_by,
    }
    declaration = Declaration(**_checked(texts), reviewed_for=_checked_list("reviewed_for", reviewed_for))
    if target is not None:
        return mark(target, declaration)

    return cast(Mark, functools.partial(mark, declaration=declaration))


_SHA = re.compile(r"[0-9a-f]{4,64}|")


def _checked(values: Mapping[str, object]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in values.items():
        if not isinstance(value, str):
            raise TypeError(
                f"ai_generated({name}={value!r}): {name} is text. Put it in quotes, or leave it out."
            )
        texts[name] = value.strip()
    texts["tool"], texts["commit"] = texts["tool"].lower(), texts["commit"].lower()
    if not _SHA.fullmatch(texts["commit"]):
        raise ConfigError(
            f"ai_generated(commit={texts['commit']!r}): not the SHA of a commit, which is 4 to 64 of the "
            "digits 0-9 and a-f. Take it from: git log"
        )
    return texts


def _checked_list(name: str, values: object) -> tuple[str, ...]:
    if isinstance(values, Iterable) and not isinstance(values, str):
        kept = tuple(values)
        if all(isinstance(each, str) for each in kept):
            return kept
    raise TypeError(
        f"ai_generated({name}={values!r}): {name} is a list of texts. Write: {name}=('edge cases',)"
    )


def mark(target: _Target, declaration: Declaration | None = None) -> _Target:
    """
    Return the measured form of anything that can be called; the thing itself when byline is disabled.

    Args:
        declaration: What a person says of it; None when nobody does, as for the import hook.

    Raises:
        TypeError: There is no Python code to measure.
    """
    if _config.current().disabled or is_excluded(target):
        return target
    return cast(_Target, _mark(target, declaration))


def _mark(target: object, declaration: Declaration | None) -> object:
    # By type(), not isinstance(): a proxy of another library says it is what it wraps.
    kind = type(target)
    if kind is FunctionType:
        return _mark_function(cast(FunctionType, target), declaration)
    if issubclass(kind, type):
        return _mark_class(cast(type, target), declaration)
    for known, rebuild in _REBUILD.items():
        if issubclass(kind, known):
            return rebuild(target, declaration)
    return _mark_callable(target, declaration)


def _mark_function(function: FunctionType, declaration: Declaration | None) -> FunctionType:
    inner, is_marked = _behind(function)
    entry = _entry(inner or function, declaration)
    return function if is_marked else wrap(function, entry)


def _entry(function: FunctionType, declaration: Declaration | None) -> Entry:
    entry = lookup.entry_for(function.__code__, function.__module__ or "")
    if declaration is not None:
        declare(entry, declaration)
    return entry


def _behind(target: object) -> tuple[FunctionType | None, bool]:
    """Return the innermost function behind decorators, and whether a wrapper of ours is on the way to it."""
    inner, is_marked = None, False
    for each in _layers(target):
        if type(each) is FunctionType:
            inner = each
            is_marked = is_marked or _registry.is_wrapper(each.__code__)
        elif isinstance(getattr(each, "_self_entry", None), Entry):  # a proxy of ours, see proxy.py
            is_marked = True
    return inner, is_marked


def _layers(target: object) -> Iterator[object]:
    seen: set[int] = set()
    while target is not None and id(target) not in seen:
        seen.add(id(target))
        yield target
        target = getattr(target, "__wrapped__", None)


# --- what wraps a function in a way of its own ------------------------------------


def _rebuild_method(target: Any, declaration: Declaration | None) -> object:  # noqa: ANN401  # staticmethod or classmethod
    inner = _mark(target.__func__, declaration)
    return target if inner is target.__func__ else type(target)(inner)


def _rebuild_bound(target: MethodType, declaration: Declaration | None) -> object:
    inner = _mark(target.__func__, declaration)
    return target if inner is target.__func__ else MethodType(cast(FunctionType, inner), target.__self__)


def _rebuild_property(target: property, declaration: Declaration | None) -> object:
    # getter() and its kin return a property of the same class and keep the docstring.
    if target.fget is not None:
        target = target.getter(cast(Callable[[Any], Any], _mark(target.fget, declaration)))
    if target.fset is not None:
        target = target.setter(cast(Callable[[Any, Any], None], _mark(target.fset, declaration)))
    if target.fdel is not None:
        target = target.deleter(cast(Callable[[Any], None], _mark(target.fdel, declaration)))
    return target


def _mark_inside(target: Any, declaration: Declaration | None) -> object:  # noqa: ANN401  # cached_property or partialmethod
    target.func = _mark(target.func, declaration)
    return target


def _rebuild_partial(target: functools.partial[Any], declaration: Declaration | None) -> object:
    if isinstance(target.func, type):
        raise _unmarkable(target, "it makes an object. Mark its class")
    inner = cast(Callable[..., Any], _mark(target.func, declaration))
    if inner is target.func:
        return target
    rebuilt = type(target)(inner, *target.args, **target.keywords)
    rebuilt.__dict__.update(target.__dict__)
    return rebuilt


_REBUILD: dict[type, Callable[[Any, Declaration | None], object]] = {
    staticmethod: _rebuild_method,
    classmethod: _rebuild_method,
    property: _rebuild_property,
    functools.cached_property: _mark_inside,
    functools.partialmethod: _mark_inside,
    functools.partial: _rebuild_partial,
    MethodType: _rebuild_bound,
}


# --- classes and callable objects -------------------------------------------------


def _mark_class(target: type, declaration: Declaration | None) -> type:
    """Mark each method that the class body defines; not what it inherits, nor what was generated for it."""
    for name, value in list(vars(target).items()):
        if not _is_defined_in(target, value):
            continue
        try:
            measured = _mark(value, declaration)
            if measured is not value:
                setattr(target, name, measured)
        except Exception as fault:  # noqa: BLE001  # a metaclass may forbid it; the other methods are still measured
            faults.report(fault, f"marking {target.__qualname__}.{name}")
    return target


def _is_defined_in(owner: type, value: object) -> bool:
    if isinstance(value, type):
        return False
    for name in ("__func__", "fget", "func"):
        value = getattr(value, name, value)
    inner, _ = _behind(value)
    # A code object keeps the name it was compiled under; a dataclass's methods were compiled elsewhere.
    return inner is not None and inner.__code__.co_qualname.startswith(f"{owner.__qualname__}.")


def _mark_callable(target: object, declaration: Declaration | None) -> object:
    inner, is_marked = _behind(target)
    if inner is None:
        *_, innermost = _layers(target)
        inner, method_is_marked = _behind(inspect.getattr_static(type(innermost), "__call__", None))
        is_marked = is_marked or method_is_marked
    if inner is None or not callable(target):
        raise _unmarkable(target, "there is no Python code to measure. Put @ai_generated next to a def")
    entry = _entry(inner, declaration)
    if is_marked:
        return target
    from .proxy import measured  # wrapt is loaded only by programs that need it

    return measured(target, entry)


def _unmarkable(target: object, why: str) -> TypeError:
    return TypeError(f"ai_generated cannot mark {target!r}: {why}.")
