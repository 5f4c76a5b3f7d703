"""What a repository says of itself in ``[tool.byline]`` of its pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .._config import MEASURE, Config
from ..exceptions import ConfigError
from .note_refs import FORMATS

_KNOWN = frozenset({"min_ai_share", "exclude", "identities", "ignore", "notes_refs", "measure"})


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How a repository wants to be scanned."""

    min_ai_share: float = 0.5
    """Share of a function's behaviour lines from which on it counts as AI."""

    exclude: tuple[str, ...] = ()
    """Globs of paths that are left out."""

    identities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Further identities (e-mail addresses or logins) by tool."""

    ignore: tuple[str, ...] = ()
    """Identities that are not AI, whatever the built-in table says."""

    notes_refs: Mapping[str, str] = field(default_factory=dict)
    """Further refs with git notes, such as ``refs/notes/x``, and the format of their notes."""

    measure: Mapping[str, object] = field(default_factory=dict)
    """Which functions a program measures where its environment does not say: ``include``, ``exclude``, ``confidence``, ``tools``, ``max_rate``."""


def read_settings(root: Path) -> ScanSettings:
    """
    Read the settings of a repository; without a table they are the defaults.

    Raises:
        ConfigError: The file is no TOML, or a setting is unknown or malformed.
    """
    path = root / "pyproject.toml"
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("byline", {})
    except FileNotFoundError:
        return ScanSettings()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{str(path)!r} cannot be read: {error}.") from error
    return settings_of(table, where=f"[tool.byline] in {str(path)!r}")


def settings_of(table: Mapping[str, object], *, where: str) -> ScanSettings:
    """
    Check a table of settings.

    Raises:
        ConfigError: A setting is unknown or malformed.
    """
    unknown = sorted(table.keys() - _KNOWN)
    if unknown:
        raise ConfigError(f"{where}: no setting {unknown[0]!r}. Known: {', '.join(sorted(_KNOWN))}.")
    share = table.get("min_ai_share", 0.5)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise ConfigError(f"{where}: min_ai_share = {share!r} is not a number above 0 and up to 1.")
    identities = table.get("identities", {})
    if not isinstance(identities, Mapping):
        raise ConfigError(f"{where}: identities = {identities!r} is not a table of tool = [identities].")
    return ScanSettings(
        float(share),
        _strings(table.get("exclude", ()), f"{where}: exclude"),
        {str(tool): _strings(names, f"{where}: identities.{tool}") for tool, names in identities.items()},
        _strings(table.get("ignore", ()), f"{where}: ignore"),
        _notes_refs(table.get("notes_refs", {}), f"{where}: notes_refs"),
        _measure(table.get("measure", {}), f"{where}: measure"),
    )


def _notes_refs(value: object, where: str) -> dict[str, str]:
    known = ", ".join(FORMATS)
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} = {value!r} is not a table of ref = format. Known formats: {known}.")
    for ref, format_ in value.items():
        if not str(ref).startswith("refs/notes/"):
            raise ConfigError(
                f"{where}: {ref!r} is not the full name of a notes ref, such as 'refs/notes/x'."
            )
        if not isinstance(format_, str) or format_ not in FORMATS:
            raise ConfigError(f"{where}.{ref}: no format {format_!r}. Known: {known}.")
    return {str(ref): str(format_) for ref, format_ in value.items()}


def _measure(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} = {value!r} is not a table. Known keys: {', '.join(MEASURE)}.")
    unknown = sorted(value.keys() - set(MEASURE))
    if unknown:
        raise ConfigError(f"{where}: no setting {unknown[0]!r}. Known: {', '.join(MEASURE)}.")
    lists = ("include", "exclude", "tools")
    found = {
        name: ",".join(_strings(each, f"{where}.{name}")) if name in lists else each
        for name, each in value.items()
    }
    if isinstance(found.get("max_rate", 0), bool) or not isinstance(found.get("max_rate", 0), int):
        raise ConfigError(f"{where}.max_rate = {found['max_rate']!r} is not a whole number.")
    try:
        Config().or_else(found)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    return found


def _strings(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise ConfigError(f"{where} = {value!r} is not a list of strings.")
    return tuple(value)
