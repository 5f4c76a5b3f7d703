"""byline's settings: argument over BYLINE_* environment over default, in one frozen value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Literal, Self, cast, get_args

from ._dataclass import dataclass
from .exceptions import ConfigError

AuthorForm = Literal["name", "email", "hash", "off"]
SpanMode = Literal["all", "lazy", "off"]
MessageMode = Literal["scrubbed", "off"]
LeastConfidence = Literal["low", "medium", "high"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "AuthorForm": get_args(AuthorForm),
    "SpanMode": get_args(SpanMode),
    "MessageMode": get_args(MessageMode),
    "LeastConfidence": get_args(LeastConfidence),
}
"""Allowed values by the name of the type, as the fields spell it."""

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


@dataclass(frozen=True, slots=True)
class Config:
    """What a user can set. Endpoints, sampling and the service's name are OpenTelemetry's own settings."""

    disabled: bool = False
    """``BYLINE_DISABLED``: leave every function as it is."""

    manifest: str = ""
    """``BYLINE_MANIFEST``: path of the manifest; empty means look for it."""

    store: str = ""
    """``BYLINE_STORE``: path of the embedded store; empty means none, unless ``byline run`` sets it."""

    author: AuthorForm = "name"
    """``BYLINE_AUTHOR``: how the accountable human appears in telemetry."""

    spans: SpanMode = "all"
    """``BYLINE_SPANS``: ``all`` marked calls of a recording trace get a span; ``lazy``: those with children, failed or slow; or none (``off``)."""

    root_spans: bool = False
    """``BYLINE_ROOT_SPANS``: start a trace for a marked call that has no parent span."""

    incident_rate: int = 10
    """``BYLINE_INCIDENT_RATE``: incidents per fingerprint and minute; the rest are counted."""

    messages: MessageMode = "scrubbed"
    """``BYLINE_MESSAGES``: keep exception messages, without what looks like a secret, or not (``off``)."""

    sentry: bool = False
    """``BYLINE_SENTRY``: put the commits behind a failure on the events of sentry-sdk, once it has a client."""

    include: str = ""
    """``BYLINE_INCLUDE``: measure only functions that a glob matches: names as ``shop.cart.*``, or paths as ``src/shop/*``, with commas between; empty means all."""

    exclude: str = ""
    """``BYLINE_EXCLUDE``: measure none that a glob matches, not even a function with the decorator."""

    confidence: LeastConfidence = "low"
    """``BYLINE_CONFIDENCE``: the least confidence that AI wrote a function, for it to be measured."""

    tools: str = ""
    """``BYLINE_TOOLS``: measure only what these tools wrote, as ``claude,cursor``; empty means all."""

    max_rate: int = 0
    """``BYLINE_MAX_RATE``: calls a second above which a function is timed no longer; its failures still count. 0 means no limit."""

    scan_budget_s: float = 10.0
    """``BYLINE_SCAN_BUDGET``: seconds the background scan may take in development."""

    probes: str = "swallowed,lines"
    """``BYLINE_PROBES``: what is watched inside marked functions, of ``swallowed`` and ``lines``, or ``off``; from Python 3.12 on."""

    expected: str = ""
    """``BYLINE_EXPECTED``: exception types whose handling is control flow, as ``KeyError,IndexError``, or a change as ``+ValueError,-ImportError``."""

    baseline: str = ""
    """``BYLINE_BASELINE``: a date or a commit; swallowed exceptions whose handler is not newer are counted and stored, but raise no warning."""

    @property
    def probe_names(self) -> tuple[str, ...]:
        """The probes that are on."""
        words = tuple(word for each in self.probes.split(",") if (word := each.strip()))
        return () if words == ("off",) else words

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **arguments: object) -> Self:
        """
        Read the settings; an argument that is not None wins over its variable.

        Raises:
            ConfigError: An unknown BYLINE_* variable, or a value that cannot be read.
        """
        environ = os.environ if environ is None else environ
        known = {f"BYLINE_{name.upper()}": name for name in _variables()}
        values: dict[str, object] = {}
        for variable, raw in environ.items():
            if not variable.startswith("BYLINE_") or variable in (*INTERNAL, *OF_THE_DESK):
                continue
            name = known.get(variable)
            if name is None:
                raise ConfigError(
                    f"{variable} is not a setting of byline. Known: {', '.join(sorted(known))}."
                )
            values[name] = _read(name, variable, raw)
        values |= {name: value for name, value in arguments.items() if value is not None}
        return cls(**{_FIELDS.get(name, name): value for name, value in values.items()})  # type: ignore[arg-type]  # checked by name and by __post_init__

    def __post_init__(self) -> None:
        """Refuse values that no setting can mean."""
        choices = {
            "author": "AuthorForm", "spans": "SpanMode", "messages": "MessageMode", "confidence": "LeastConfidence",
        }  # fmt: skip
        for name, choice in choices.items():
            if getattr(self, name) not in _CHOICES[choice]:
                raise ConfigError(
                    f"{name}={getattr(self, name)!r} is not one of {', '.join(_CHOICES[choice])}."
                )
        unknown = [each for each in self.probe_names if each not in PROBES]
        if unknown:
            raise ConfigError(
                f"BYLINE_PROBES={self.probes!r}: no probe {unknown[0]!r}. Known: {', '.join(PROBES)}, or off."
            )
        for variable in ("incident_rate", "scan_budget", "max_rate"):
            number = getattr(self, _FIELDS.get(variable, variable))
            if not number >= 0:  # also what is no number at all
                raise ConfigError(f"BYLINE_{variable.upper()}={number!r} is negative. Use 0 or more.")

    def or_else(self, others: Mapping[str, object]) -> Self:
        """
        Take over settings that nobody has set here.

        Raises:
            ConfigError: One of them has a value that it cannot have.
        """
        free = {name: value for name, value in others.items() if name in MEASURE and self._is_free(name)}
        return replace(self, **free)  # type: ignore[arg-type]  # checked by name and by __post_init__

    def _is_free(self, name: str) -> bool:
        return bool(getattr(self, name) == type(self).__dataclass_fields__[name].default)

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of a setting that is a list."""
        return tuple(word for each in str(getattr(self, name)).split(",") if (word := each.strip()))


PROBES = ("swallowed", "lines")

MEASURE = ("include", "exclude", "confidence", "tools", "max_rate")
"""What a repository may settle too, under ``[tool.byline.measure]``; the manifest carries it."""

INTERNAL = frozenset({"BYLINE_RUN"})
"""Variables that byline sets for its own child processes."""

BACKENDS = {
    "prometheus": "BYLINE_PROMETHEUS_TOKEN",
    "loki": "BYLINE_LOKI_TOKEN",
    "sentry": "SENTRY_AUTH_TOKEN",
}
"""Variables with the tokens of what ``--source`` can ask. Only the desk reads them; they are in no value that is shown."""

TENANTS = {"prometheus": "BYLINE_PROMETHEUS_TENANT", "loki": "BYLINE_LOKI_TENANT"}
"""Variables with the tenant, where a backend serves several."""

OF_THE_DESK = tuple(name for name in (*BACKENDS.values(), *TENANTS.values()) if name.startswith("BYLINE_"))

# A unit belongs to the name in code, not in the environment.
_FIELDS = {"scan_budget": "scan_budget_s"}


def _variables() -> list[str]:
    fields_to_names = {field: name for name, field in _FIELDS.items()}
    return [fields_to_names.get(each.name, each.name) for each in fields(Config)]


def _read(name: str, variable: str, raw: str) -> object:
    kind = {each.name: each.type for each in fields(Config)}[_FIELDS.get(name, name)]
    if kind == "bool":
        lowered = raw.strip().lower()
        if lowered not in _TRUE | _FALSE:
            raise ConfigError(f"{variable}={raw!r} is neither true nor false. Use 1 or 0.")
        return lowered in _TRUE
    if kind in ("int", "float"):
        try:
            return int(raw) if kind == "int" else float(raw)
        except ValueError:
            raise ConfigError(f"{variable}={raw!r} is not a number.") from None
    if kind in _CHOICES and raw not in _CHOICES[cast(str, kind)]:
        raise ConfigError(f"{variable}={raw!r} is not one of {', '.join(_CHOICES[cast(str, kind)])}.")
    return raw


_current: Config | None = None


def current() -> Config:
    """
    Return the settings in force; reads the environment the first time.

    Raises:
        ConfigError: As for ``Config.from_env``.
    """
    global _current  # noqa: PLW0603  # one frozen value, replaced whole
    if _current is None:
        _current = Config.from_env()
    return _current


def use(config: Config | None) -> None:
    """Put settings in force; None makes the environment be read again."""
    global _current  # noqa: PLW0603  # see current()
    _current = config
