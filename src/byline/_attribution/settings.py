"""What a repository says of itself in ``[tool.byline]`` of its pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..exceptions import ConfigError

_KNOWN = frozenset({"min_ai_share", "exclude", "identities", "ignore"})


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
    )


def _strings(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise ConfigError(f"{where} = {value!r} is not a list of strings.")
    return tuple(value)
