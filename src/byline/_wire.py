"""The values of ``_model`` as JSON text and back, for log attributes and table columns; no I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import MISSING, asdict, fields
from typing import Any, TypeVar

from ._model import Attribution, Contribution, Suspect, Unverified

Value = TypeVar("Value", Suspect, Unverified, Attribution)

_KINDS: dict[str, type | tuple[type, ...]] = {"int": int, "float": (int, float)}


def dumps(values: Suspect | Unverified | Attribution | Iterable[Suspect | Unverified]) -> str:
    """Return one value as a JSON object, or several as a list of them."""
    if isinstance(values, (Suspect, Unverified, Attribution)):
        return _json(asdict(values))
    return _json([asdict(each) for each in values])


def loads(kind: type[Value], text: object) -> Value:
    """
    Read one value; fields of a newer byline are left out.

    Raises:
        ValueError: The text is no JSON, or a field is missing or of another type.
    """
    return _value(kind, _parsed(text))


def loads_all(kind: type[Value], text: object) -> tuple[Value, ...]:
    """
    Read a list of values; fields of a newer byline are left out.

    Raises:
        ValueError: As for ``loads``.
    """
    values = _parsed(text)
    if not isinstance(values, list):
        raise ValueError(f"{type(values).__name__} in the place of a list.")  # noqa: TRY004  # a damaged text, not a caller's mistake
    return tuple(_value(kind, each) for each in values)


def clean(text: str) -> str:
    """Replace lone surrogates, which neither OTLP nor SQLite can hold, by their escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parsed(text: object) -> object:
    if not isinstance(text, str):
        raise ValueError(f"{type(text).__name__} in the place of JSON text.")  # noqa: TRY004  # see loads_all
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON nested too deeply.") from None


def _value(kind: type[Value], raw: object) -> Value:
    if not isinstance(raw, dict):
        raise ValueError(f"{type(raw).__name__} in the place of {kind.__name__}.")  # noqa: TRY004  # see loads_all
    found: dict[str, Any] = {}
    for each in fields(kind):
        if each.name not in raw:
            if each.default is MISSING:
                raise ValueError(f"{kind.__name__} without {each.name!r}.")
            continue
        value = raw[each.name]
        if each.name == "contributions":
            found[each.name] = _contributions(value)
        elif isinstance(value, _KINDS.get(str(each.type), str)) and not isinstance(value, bool):
            found[each.name] = value
        else:
            raise ValueError(f"{each.name}={value!r} in a {kind.__name__}.")
    return kind(**found)


def _contributions(raw: object) -> tuple[Contribution, ...]:
    try:
        return tuple(Contribution(str(each["commit"]), int(each["lines"])) for each in raw)  # type: ignore[attr-defined]  # anything else raises
    except (TypeError, KeyError) as error:
        raise ValueError(f"contributions={raw!r}.") from error
