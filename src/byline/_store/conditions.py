"""From what is wanted to the conditions of a statement; no I/O."""

from __future__ import annotations

from collections.abc import Mapping

Parameters = Mapping[str, object]


def where(wanted: Parameters, special: Mapping[str, str] | None = None) -> tuple[str, dict[str, object]]:
    """
    Return the conditions for what is wanted, and their parameters; None means all.

    Args:
        special: Conditions other than ``column = :column``, by name.
    """
    parameters = {name: value for name, value in wanted.items() if value is not None}
    conditions = [(special or {}).get(name, f"{name} = :{name}") for name in parameters]
    return ("WHERE " + " AND ".join(conditions) if conditions else ""), parameters


def whole(wanted: Parameters, name: str) -> int | None:
    """Return a number that is wanted; None when there is none."""
    value = wanted.get(name)
    return value if isinstance(value, int) else None
