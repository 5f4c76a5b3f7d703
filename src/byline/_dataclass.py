"""Dataclasses whose code is generated when the first value is made: a program that starts makes few of byline's kinds.

The standard library's generate it for each class at import, and make a class with slots twice.
What they can be asked for, with ``fields``, ``replace``, ``asdict`` or ``match``, these can be asked for too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from operator import attrgetter
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

_Class = TypeVar("_Class", bound=type)


class _Factory:
    """Stands for a default that each value gets a new one of."""

    __slots__ = ("make",)

    def __init__(self, *, default_factory: Callable[[], Any]) -> None:
        self.make = default_factory


class _Shape:
    """The fields of a class."""

    __slots__ = ("annotations", "defaults", "is_frozen")

    def __init__(self, annotations: dict[str, object], defaults: dict[str, object], is_frozen: bool) -> None:  # noqa: FBT001  # the one place that calls it names it
        self.annotations = annotations
        self.defaults = defaults
        self.is_frozen = is_frozen


class _Init:
    """Stands for ``__init__`` until somebody asks for it."""

    __slots__ = ("_owner", "_shape")

    def __init__(self, shape: _Shape) -> None:
        self._shape = shape

    def __set_name__(self, owner: type, _name: str) -> None:
        self._owner = owner

    def __get__(self, instance: object | None, owner: type) -> object:
        """Put the function in the place of this, which the interpreter, too, asks when it makes a value."""
        made = _init_of(self._owner, self._shape)
        self._owner.__init__ = made  # type: ignore[misc]  # that is what it is for
        return made if instance is None else made.__get__(instance, owner)


class _Fields:
    """Stands for what the standard library's functions look for in a dataclass."""

    __slots__ = ("_owner", "_shape")

    def __init__(self, shape: _Shape) -> None:
        self._shape = shape

    def __set_name__(self, owner: type, _name: str) -> None:
        self._owner = owner

    def __get__(self, _instance: object | None, _owner: type) -> dict[str, dataclasses.Field[Any]]:
        """
        Describe the fields, once.

        Not by a class of the standard library's with the same fields: to make one runs generated
        code, which must not happen while a program ends, see ``_init_of``.
        """
        import dataclasses  # few programs ask

        found: dict[str, dataclasses.Field[Any]] = {}
        for name, annotation in self._shape.annotations.items():
            described: dataclasses.Field[Any]
            default: Any = self._shape.defaults.get(name, dataclasses.MISSING)
            if isinstance(default, _Factory):
                described = dataclasses.field(default_factory=default.make, kw_only=False)
            else:
                described = dataclasses.field(default=default, kw_only=False)
            described.name, described.type = name, annotation
            described._field_type = dataclasses._FIELD  # type: ignore[attr-defined]  # noqa: SLF001  # without it, fields() takes it for a class variable
            found[name] = described
        self._owner.__dataclass_fields__ = found  # type: ignore[attr-defined]  # as the standard library does
        return found


class _Params:
    """Stands for what the standard library asks of a class that it builds upon."""

    __slots__ = ("_shape",)

    def __init__(self, shape: _Shape) -> None:
        self._shape = shape

    def __get__(self, _instance: object | None, _owner: type) -> object:
        import dataclasses

        twin = dataclasses.make_dataclass("Twin", (), frozen=self._shape.is_frozen, slots=True)
        return twin.__dataclass_params__  # type: ignore[attr-defined]  # documented nowhere


def _dataclass(*, slots: Literal[True], frozen: bool = False) -> Callable[[_Class], _Class]:  # noqa: ARG001  # as the standard library's is called
    def decorate(target: type) -> type:
        namespace = dict(target.__dict__)
        annotations = target.__annotations__
        defaults = {name: namespace.pop(name) for name in annotations if name in namespace}
        shape = _Shape(annotations, defaults, frozen)
        names = tuple(annotations)
        for name in ("__dict__", "__weakref__"):
            namespace.pop(name, None)
        namespace |= _FROZEN if frozen else _CHANGEABLE
        namespace |= {
            "__slots__": names,
            "__match_args__": names,
            "__init__": _Init(shape),
            "__dataclass_fields__": _Fields(shape),
            "__dataclass_params__": _Params(shape),
            # As quick as what would be generated. Of one name it would not return a tuple.
            "_byline_values": attrgetter(*names, *names[:1]),
        }
        made = type(target)(target.__name__, target.__bases__, namespace)
        made.__qualname__ = target.__qualname__
        return made

    return decorate  # type: ignore[return-value]  # a class with the same names


if TYPE_CHECKING:
    import dataclasses
    from dataclasses import dataclass as dataclass, field as field  # noqa: PLC0414  # re-exported
else:
    dataclass, field = _dataclass, _Factory


class _Missing:
    """What a parameter is that gets a new value; shown as the standard library shows it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<factory>"


_MISSING = _Missing()


def _init_of(owner: type, shape: _Shape) -> FunctionType:
    """Generate what the standard library would: the parameters and their order are the fields'."""
    lines = []
    for name in shape.annotations:
        value = name
        if isinstance(shape.defaults.get(name), _Factory):
            value = f"_byline_new[{name!r}].make() if {name} is _byline_missing else {name}"
        lines.append(f"_byline_set(self, {name!r}, {value})" if shape.is_frozen else f"self.{name} = {value}")
    if "__post_init__" in owner.__dict__:
        lines.append("self.__post_init__()")
    body = "\n".join(f"        {line}" for line in lines)
    source = (
        "def make(_byline_set, _byline_new, _byline_missing):\n"
        f"    def __init__(self, {', '.join(shape.annotations)}):\n"
        f"{body}\n"
        "    return __init__\n"
    )
    namespace: dict[str, Any] = {}
    # Compiled first: to run a text, CPython forgets that a KeyboardInterrupt is ending the program,
    # which then ends with another status.
    code = compile(source, f"<{owner.__qualname__}>", "exec", dont_inherit=True)
    exec(code, vars(sys.modules[owner.__module__]), namespace)  # noqa: S102  # our own source; the names in it are fields
    made: FunctionType = namespace["make"](object.__setattr__, shape.defaults, _MISSING)
    made.__defaults__ = tuple(
        _MISSING if isinstance(each, _Factory) else each for each in shape.defaults.values()
    )
    made.__annotations__ = {**shape.annotations, "return": None}
    made.__qualname__ = f"{owner.__qualname__}.__init__"
    return made


# --- what all of them share --------------------------------------------------------


def _repr(self: Any) -> str:  # noqa: ANN401  # any of the classes
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: Any) -> object:  # noqa: ANN401  # as above
    if type(other) is not type(self):
        return NotImplemented
    return self._byline_values(self) == self._byline_values(other)


def _hash(self: Any) -> int:  # noqa: ANN401  # as above
    return hash(self._byline_values(self))


def _replace(self: Any, /, **changes: object) -> Any:  # noqa: ANN401  # as above
    from dataclasses import replace

    return replace(self, **changes)


def _setattr(_self: object, name: str, _value: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(_self: object, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _getstate(self: Any) -> list[object]:  # noqa: ANN401  # as above
    return [getattr(self, name) for name in self.__match_args__]


def _setstate(self: Any, state: list[object]) -> None:  # noqa: ANN401  # as above
    for name, value in zip(self.__match_args__, state, strict=True):
        object.__setattr__(self, name, value)


_CHANGEABLE = {"__repr__": _repr, "__eq__": _eq, "__hash__": None, "__replace__": _replace}
_FROZEN = {
    **_CHANGEABLE,
    "__hash__": _hash,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
}
