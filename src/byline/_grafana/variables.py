"""The variables at the top of the boards."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.models import dashboard as model

from .. import _label_names as names
from .files import SENTRY
from .panels import METRICS

SERVICE: Final = '${service_label}=~"$service"'
"""The matcher of the services chosen. Where resource attributes are promoted they may have no label ``job``."""

SELECTION: Final = ",".join(
    [
        SERVICE,
        f'{names.COMMIT}=~"$commit"',
        f'{names.AUTHOR}=~"$author"',
        f'{names.TOOL}=~"$tool"',
        f'{names.FUNCTION}=~"$function"',
    ]
)

_EVERYTHING = ".*"  # also what has no such label

# Everything has a service. Loki refuses a selector that nothing at all would match, too.
_EVERY_SERVICE = ".+"


def data_source(name: str, label: str, kind: str) -> board.DatasourceVariable:
    """Let people choose where a kind of telemetry is kept."""
    return board.DatasourceVariable(name).label(label).type(kind)


def _query(name: str, label: str, query: str) -> board.QueryVariable:
    return (
        board.QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(METRICS)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )


def choice(name: str, label: str, query: str, everything: str = _EVERYTHING) -> board.QueryVariable:
    """Let people choose some of the values of a label, or all."""
    return _query(name, label, query).multi(True).include_all(True).all_value(everything)


def one(name: str, label: str, query: str) -> board.QueryVariable:
    """Let people choose one value of a label."""
    return _query(name, label, query).multi(False).include_all(False)


def commit() -> board.QueryVariable:
    """Let people choose one commit: an AI commit that wrote functions, or any that changed them since."""
    found = f"last_over_time({names.INFO}{{{SERVICE}}}[$__range])"
    changed = f'label_replace({found}, "{names.COMMIT}", "$1", "{names.VERSION}", "(.+)")'
    by = f"group by ({names.COMMIT})"
    return one("commit", "Commit", f"query_result({by} ({found}) or {by} ({changed}))").regex(
        _value_of(names.COMMIT)
    )


def functions_of_commit() -> board.QueryVariable:
    """Let people choose among the functions that the commit wrote or changed; all of these, and no others."""
    found = " or ".join(
        f'last_over_time({names.INFO}{{{SERVICE},{label}="$commit"}}[$__range])'
        for label in (names.COMMIT, names.VERSION)
    )
    query = f"query_result(group by ({names.FUNCTION}) ({found}))"
    return (
        _query("function", "Function", query).regex(_value_of(names.FUNCTION)).multi(True).include_all(True)
    )


def _value_of(label: str) -> str:
    """Return what takes a label's value out of the line of text that Grafana makes of a series."""
    return f'/{label}="([^"]+)"/'


def step() -> board.CustomVariable:
    """Let people choose what a point of a graph stands for at least: what has one sample in it has no rate."""
    return (
        board.CustomVariable("step")
        .label("Smallest step")
        .description(
            "At least twice the time between two reports. OTLP reports each minute unless told otherwise."
        )
        .values("15s,30s,1m,2m,5m")
        .current(model.VariableOption(text="2m", value="2m"))
        .multi(False)
        .include_all(False)
    )


def shared() -> list[board.QueryVariable | board.CustomVariable | board.TextBoxVariable]:
    """Return what each board needs: which label names the service, the services, and where their commits lead."""
    described = f'{{__name__=~"{names.INFO}|{names.TARGET}",{SERVICE}}}'
    return [
        one("service_label", "Service label", f"label_names({names.INFO})")
        .regex("/^(job|service_name)$/")
        .hide(model.VariableHide.HIDE_VARIABLE),
        choice("service", "Service", f"label_values({names.INFO}, ${{service_label}})", _EVERY_SERVICE),
        one("repository", "Repository", f"label_values({described}, {names.REPOSITORY})").regex(
            r"/^(.*?)(?:\.git)?\/?$/"
        ),
        step(),
        board.TextBoxVariable("sentry").label("Sentry issues page").default_value(SENTRY),
    ]


def selection() -> list[board.QueryVariable]:
    """Return the choices of commit, author, tool and function, each among what the services chosen have."""
    of_services = f"{names.INFO}{{{SERVICE}}}"
    return [
        choice("commit", "Commit", f"label_values({of_services}, {names.COMMIT})"),
        choice("author", "Author", f"label_values({of_services}, {names.AUTHOR})"),
        choice("tool", "Tool", f"label_values({of_services}, {names.TOOL})"),
        choice("function", "Function", f"label_values({of_services}, {names.FUNCTION})"),
    ]
