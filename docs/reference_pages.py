"""Writes the generated parts of the reference, from the code itself; cog calls it in the pages."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from itertools import pairwise
from types import ModuleType

import click

from byline import _config, _patterns, _semconv
from byline._attribution import settings as scan_settings
from byline._cli.main import main
from byline._config import Config
from byline._desk.export import TABLES
from byline._exporters.resource import deployment
from byline._manifest import Header
from byline._model import Attribution, ExecutedLines, Finding, Function, Incident, Suspect, Unverified
from byline._registry import Entry
from byline._sentry.attribution import tags_of
from byline._telemetry import attributes, executed_event, finding_event
from byline._telemetry.incident_event import attributes_of

WIDTH = 90

# --- commands ---------------------------------------------------------------


def cli() -> None:
    """Write the help text of every command."""
    for path, command in commands(main, ("byline",)):
        title = " ".join(path)
        context = click.Context(command, info_name=title, terminal_width=WIDTH, max_content_width=WIDTH)
        print(f"## {title}\n" if len(path) > 1 else "## Every command\n")
        print(f"```text\n{command.get_help(context).rstrip()}\n```\n")


def commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """List a group and all commands below it."""
    yield path, group
    context = click.Context(group, info_name=path[-1])
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        elif command is not None:
            yield (*path, name), command


# --- settings ---------------------------------------------------------------


_VALUES = {"bool": "`1`, `0`", "str": "a path", "int": "a whole number", "float": "a number"}
_SPECIAL = {
    "include": "globs",
    "exclude": "globs",
    "tools": "names of tools",
    "probes": "`swallowed`, `lines`, or `off`",
    "expected": "names of exceptions",
    "baseline": "a date, or a commit",
}


def environment() -> None:
    """Write the table of BYLINE_* variables."""
    print("| variable | values | default | meaning |\n|---|---|---|---|")
    texts = docstrings(_config, "Config")
    for name, field in zip(_config._variables(), dataclasses.fields(Config), strict=True):
        variable = f"BYLINE_{name.upper()}"
        meaning = texts[field.name].removeprefix(f"``{variable}``: ")
        kind = str(field.type)
        choices = _config._CHOICES.get(kind)
        values = ", ".join(f"`{each}`" for each in choices) if choices else _SPECIAL.get(name, _VALUES[kind])
        default = int(field.default) if kind == "bool" else field.default
        shown = "" if default == "" else f"`{default}`"
        print(f"| `{variable}` | {values} | {shown} | {_line(meaning)} |")
    print()


def repository() -> None:
    """Write the table of keys under [tool.byline]."""
    print("| key | default | meaning |\n|---|---|---|")
    texts = docstrings(scan_settings, "ScanSettings")
    defaults = scan_settings.ScanSettings()
    for name in scan_settings.ScanSettings.__dataclass_fields__:
        value = getattr(defaults, name)
        shown = {tuple: "`[]`", dict: "`{}`"}.get(type(value), f"`{value}`")
        print(f"| `{name}` | {shown} | {_line(texts[name])} |")
    print()


def docstrings(module: ModuleType, name: str) -> dict[str, str]:
    """Return the string below each field of a class; all of a module's constants when there is no such class."""
    body = ast.parse(inspect.getsource(module)).body
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            body = node.body
    found = {}
    for node, following in pairwise(body):
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and isinstance(following, ast.Expr):
            found[target.id] = inspect.cleandoc(ast.literal_eval(following.value))
    return found


def _line(text: str) -> str:
    """Write a docstring as one cell of a table."""
    told = " ".join(text.replace("``", "`").split())
    return told[:1].upper() + told[1:]


# --- failure patterns -------------------------------------------------------


def patterns() -> None:
    """Write the table of rules."""
    print("| pattern | certainty | sign | exception types | message |\n|---|---|---|---|---|")
    for rule in _patterns.rules():
        types = ", ".join(f"`{name}`" for name in sorted(rule.types))
        says = f"`{rule.says}`".replace("|", "\\|") if rule.says else ""
        print(f"| `{rule.pattern}` | {rule.certainty} | {rule.reason} | {types} | {says} |")
    print()


# --- exported tables --------------------------------------------------------


def exported_tables() -> None:
    """Write the columns of every table that can be exported."""
    for table, columns in TABLES.items():
        print(f"## {table}\n\n| column | type | meaning |\n|---|---|---|")
        for each in columns:
            print(f"| `{each.name}` | {each.kind} | {each.meaning} |")
        print()


# --- names in telemetry -----------------------------------------------------

MEANINGS = {
    "VCS_REVISION": "The deployed revision, never the one that wrote a function.",
    "VCS_BRANCH": "The branch that was deployed.",
    "VCS_REPOSITORY": "Address of the repository, without credentials.",
    "SERVICE_NAME": "OpenTelemetry's own; byline sets it only for its store, to the program's name.",
    "SERVICE_VERSION": "First twelve digits of the revision.",
    "SERVICE_INSTANCE": "A random id per process, in the store only.",
    "FUNCTION": "`module.qualname`: of the marked function; on an incident of the function that raised.",
    "FILE": "Path relative to the repository.",
    "LINE": "The line of `def`; on an incident the line that raised; on a finding that of the handler.",
    "COMMIT": "Full SHA of the AI commit that owns most of the function; on an incident the first suspect; on a finding the commit of the handler's line.",
    "LAST_COMMIT": "Full SHA of the newest commit that changed the function: its version.",
    "AUTHOR": "The accountable person, in the form of `BYLINE_AUTHOR`.",
    "TOOL": "`claude`, `copilot`, `cursor`, … or `unknown`.",
    "MODEL": "The model as recorded.",
    "EVIDENCE": "Where the strongest mark was found.",
    "CONFIDENCE": "`high`, `medium`, `low` or `none`.",
    "STATUS": "How the running code relates to the scanned code: `ok`, `moved`, `stale`, `pending`, `unverified`, `unknown`.",
    "AI_LINES": "Behaviour lines that AI owns.",
    "LINES": "Behaviour lines of the function.",
    "SESSION": "An opaque id of the tool's session.",
    "COMMITTED_AT": "When the commit was made: seconds since the epoch.",
    "CHANGE": "Number of the pull or merge request.",
    "EXPORTER": "The exporter that could not deliver; on `byline.export.failures` only.",
    "ERROR_TYPE": "The exception's class, or `cancelled`.",
    "EXCEPTION_TYPE": "The exception's class.",
    "EXCEPTION_MESSAGE": "Its message, scrubbed; absent with `BYLINE_MESSAGES=off`.",
    "EXCEPTION_STACKTRACE": "Files, lines and functions, without source text.",
    "PATTERN": "The failure pattern that the exception is a sign of; see [](../explanation/patterns.md).",
    "CERTAINTY": "How certain that is: `high`, `medium` or `low`.",
    "INCIDENT_ID": "Random id; `byline why ID` explains it.",
    "SENTRY_EVENT_ID": "Of the event that Sentry got of the same exception; see [](../how-to/sentry.md).",
    "INCIDENT_FUNCTION": "The marked function that the exception left.",
    "INCIDENT_COMMIT": "The commit of the marked function.",
    "FINGERPRINT": "Equal for failures of one kind: function, exception and place.",
    "SUPPRESSED": "Incidents of this kind that the rate limit held back since the last one.",
    "DURATION": "How long the failing call took, in seconds.",
    "SUSPECTS": "JSON list of suspects, most likely first; see [](json.md).",
    "UNVERIFIED": "JSON list of what could not be checked.",
    "FINDING_KIND": "`swallowed`: an exception that a function handled and did not pass on.",
    "FINDING_HANDLING": "`silent`, `weak`, `logged`, `reported`, `retried` or `expected`; see [](../explanation/silent-failures.md).",
    "FINDING_ID": "Random id; `byline findings ID` explains it.",
    "FINDING_HANDLER": "`except`, `except*`, `with` or `finally`.",
    "FINDING_RETURNED": "Type of what the function returned instead.",
    "FINDING_COUNT": "How many since the event before.",
    "FINDING_NEW": "False when the handler is not newer than `BYLINE_BASELINE`.",
    "FINDING_FINGERPRINT": "Equal for findings of one kind: function, exception, handling and line.",
    "FINDING_OWNER": "JSON list of one: who wrote the handler's line; fields as in `byline.suspects`.",
    "FINDING_ATTRIBUTION": "JSON object: all that is known of the marked function.",
    "EXECUTED": "JSON object of lists of lines, counted from the function's first: `lines`, `ai`, `run`, `handlers`, `handlers_run`.",
}
"""What each attribute says, by its constant in ``_semconv``."""

SENTRY = {
    "COMMIT": "Full SHA of the first suspect.",
    "AUTHOR": "Its accountable person, in the form of `BYLINE_AUTHOR`.",
    "TOOL": "`claude`, `copilot`, `cursor`, … or `unknown`; absent when no sign calls the first suspect AI.",
    "SENTRY_FUNCTION": "`module.qualname` of the function around the suspect's line.",
    "CONFIDENCE": "`high`, `medium` or `low`; `none` when no sign calls the first suspect AI.",
    "INCIDENT_ID": "The incident that the store has of the same exception; `byline why ID` explains it.",
    "SENTRY_GIT_COMMIT": "The same as `byline.commit`, under a name that other tools know.",
}
"""What each tag of a Sentry event says, by its constant in ``_semconv``."""

OUTSIDE = {"byline.incident.attribution": "JSON object: all that is known of the marked function."}

METRICS = {
    "METRIC_DURATION": (
        "histogram, `s`",
        "How long marked functions take, with `error.type` when an exception left.",
    ),
    "METRIC_INCIDENTS": (
        "counter, `{incident}`",
        "Exceptions that left a marked function, also those the rate limit held back.",
    ),
    "METRIC_FUNCTION": (
        "gauge, always 1",
        "One series per marked function, with what would be too many labels elsewhere.",
    ),
    "METRIC_DROPPED": ("counter, `{sample}`", "Samples dropped because too many waited."),
    "METRIC_FAILED_EXPORTS": (
        "counter, `{batch}`",
        "Batches of metrics that byline's exporter for your own pipeline could not deliver, by `byline.exporter`.",
    ),
    "METRIC_SELF": (
        "counter, `s`",
        "Processor time that byline's background thread spent on counting calls.",
    ),
    "METRIC_FINDINGS": (
        "counter, `{finding}`",
        "Exceptions that a marked function swallowed and told nobody of (`silent`), or only in passing (`weak`), in handlers newer than the baseline; by `byline.finding.kind`, `byline.finding.handling` and `error.type`.",
    ),
}

EVENTS = {
    "EVENT_INCIDENT": "An exception left a marked function; a log record of severity ERROR with trace and span id.",
    "EVENT_FINDING": "Exceptions of one kind that a handler swallowed, once a minute with their number; WARN when silent, else INFO, DEBUG when expected. The first of a minute is an event on the span as well.",
    "EVENT_EXECUTED": "Lines and handlers of a marked function that ran for the first time in a process; DEBUG.",
}

RESERVED = "Reserved; not emitted yet."


def attribute_table() -> None:
    """Write which attribute comes on which signal, by making one of each."""
    signals = _signals()
    resource = signals.pop("resource")
    print(f"| attribute | {' | '.join(signals)} | meaning |\n|---|{'---|' * len(signals)}---|")
    for constant, meaning in MEANINGS.items():
        name = getattr(_semconv, constant)
        if name not in resource and not name.startswith("service."):
            _attribute_row(name, meaning, signals)
    for name, meaning in OUTSIDE.items():
        _attribute_row(name, meaning, signals)
    print()


def _attribute_row(name: str, meaning: str, signals: dict[str, set[str]]) -> None:
    marks = ["✓" if name in names else "" for names in signals.values()]
    used = any(marks) or name in {_semconv.ERROR_TYPE, _semconv.EXPORTER}
    print(f"| `{name}` | {' | '.join(marks)} | {meaning if used else RESERVED} |")


def sentry_table() -> None:
    """Write the tags of a Sentry event, by making one of each."""
    suspect = Suspect("a" * 40, "reason", "f", "p", 1, 0, "ai", "high", "Ana", "claude")
    print("| tag | meaning |\n|---|---|")
    for name in (*tags_of(suspect), _semconv.INCIDENT_ID):
        constant = next(each for each in SENTRY if getattr(_semconv, each) == name)
        print(f"| `{name}` | {SENTRY[constant]} |")
    print()


def resource_table() -> None:
    """Write what byline says of the process."""
    print("| attribute | meaning |\n|---|---|")
    for constant, meaning in MEANINGS.items():
        name = getattr(_semconv, constant)
        if name in _signals()["resource"] or name.startswith("service."):
            print(f"| `{name}` | {meaning} |")
    print()


def metric_table() -> None:
    """Write the metrics."""
    print("| metric | kind | meaning |\n|---|---|---|")
    for constant, (kind, meaning) in METRICS.items():
        print(f"| `{getattr(_semconv, constant)}` | {kind} | {meaning or RESERVED} |")
    bounds = ", ".join(f"{bound:g}" for bound in _semconv.DURATION_BOUNDS)
    print(f"\nThe histogram advises these bucket bounds, in seconds: {bounds}.\n")


def event_table() -> None:
    """Write the events."""
    print("| event name | meaning |\n|---|---|")
    for constant, meaning in EVENTS.items():
        print(f"| `{getattr(_semconv, constant)}` | {meaning or RESERVED} |")
    print()


def _signals() -> dict[str, set[str]]:
    """Make one of each signal, with nothing left empty, and return the names on it."""
    function = Function("shop.cart", "total", "shop/cart.py", 7, 7, 12)
    attribution = Attribution(
        "ai", "high", "ok", "a" * 40, "b" * 40, "Ana", "claude", "opus", "trailer", "s", "12", 3, 5, 1
    )
    entry = Entry(_signals.__code__, function, attribution)
    suspect = Suspect(
        "a" * 40, "reason", "f", "p", 1, 0, "ai", "high", "Ana", "claude", "opus", "trailer", "s", "12", 1
    )
    incident = Incident(
        "1", 1, "f", "ValueError", "m", "t", "p", 1, "fp", attribution, (suspect,), (Unverified("s", "r"),), 1,
        duration_s=1.0, pattern="edge-case", certainty="high",
    )  # fmt: skip
    finding = Finding(
        "1", 1, "silent", "f", "ValueError", "p", 1, "except", "dict", 1, "fp", attribution, suspect, message="m",
        stacktrace="t", pattern="edge-case", certainty="high",
    )  # fmt: skip
    executed = ExecutedLines("f", "p", 1, "a", "b", (1,), (1,), (1,), (), ())
    config = Config()
    return {
        "span": {*attributes.span_attributes(entry, config)},
        "metric": {
            *attributes.metric_attributes(entry, config),
            _semconv.ERROR_TYPE,
            _semconv.FINDING_KIND,
            _semconv.FINDING_HANDLING,
        },
        "`byline.function.info`": {*attributes.function_attributes(entry, config)},
        "incident": {*attributes_of(incident)},
        "finding": {*finding_event.attributes_of(finding)},
        "`byline.executed`": {*executed_event.attributes_of(executed)},
        "resource": {*deployment(Header("a" * 40, "main", "https://example.org/shop"))},
    }
