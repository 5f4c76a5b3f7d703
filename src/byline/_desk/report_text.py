"""The bug log as Markdown, as HTML and as JSON."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from importlib import resources

from ..exceptions import MissingExtraError
from .report import PER, Example, Report
from .words import count

TimeText = Callable[[int], str | None]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~-])")
_DIGITS = 10


def as_json(report: Report, time_text: TimeText) -> dict[str, object]:
    """Return the report for programs."""
    values = dataclasses.asdict(report)
    for row in values["commits"]:
        suspect = row.pop("suspect") or {}
        row["subject"], row["tool"] = suspect.get("subject", ""), suspect.get("tool", "")
        row["first_seen"], row["last_seen"] = time_text(row.pop("first_ns")), time_text(row.pop("last_ns"))
    return {
        "version": 1,
        "since": time_text(values.pop("since_ns")),
        "until": time_text(values.pop("until_ns")),
        "per": PER,
        **values,
        "unverified": [
            {"title": title, "count": number, "first": [dataclasses.asdict(each) for each in notes]}
            for title, notes, number in report.unverified
        ],
    }


def as_markdown(report: Report, time_text: TimeText) -> str:
    """Return the report for people and for pull requests; nothing in a message is markup."""
    lines = [
        "# Bug log",
        "",
        (
            f"{time_text(report.since_ns)} to {time_text(report.until_ns)}: "
            f"{count(report.calls, 'call')} of AI functions, {report.failed:,} failed, "
            f"{count(report.incidents, 'incident')}, {count(report.findings, 'swallowed exception')}."
        ),
        "",
        "## By failure pattern",
        "",
        "| pattern | incidents | swallowed | commits | certainty |",
        "|---|---:|---:|---:|---|",
    ]
    lines += [
        f"| {each.pattern} | {each.incidents:,} | {each.findings:,} | {each.commits:,} | "
        f"{', '.join(f'{number:,} {name}' for name, number in each.certain.items())} |"
        for each in report.patterns
    ]
    for row in report.patterns:
        if row.examples:
            lines += ["", f"### {row.pattern}", ""]
        lines += [_example(each) for each in row.examples]
    lines += [
        "",
        "## By tool and model",
        "",
        f"| tool | model | functions | calls | failed | per {PER:,} calls | 95 % interval |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    lines += [
        f"| {_escaped(each.tool)} | {_escaped(each.model) or 'not recorded'} | {each.functions:,} | {each.calls:,} | "
        f"{each.failed:,} | {each.rate:.1f} | {each.low:.1f} to {each.high:.1f} |"
        for each in report.tools
    ]
    lines += ["", "The intervals take calls for independent; different tools wrote different functions.", ""]
    lines += ["## Not verified", ""]
    lines += [] if report.unverified else ["Nothing was left open."]
    for title, notes, number in report.unverified:
        lines.append(f"- **{title}**: {number:,}")
        lines += [f"  - {_escaped(each.subject)}: {_escaped(each.reason)}" for each in notes]
        lines += [f"  - and {number - len(notes):,} more"] if number > len(notes) else []
    return "\n".join(lines) + "\n"


def _example(example: Example) -> str:
    """Return one line; a counter has neither a place nor a name to ask for more with."""
    place = f" ({_escaped(example.path)}:{example.line})" if example.path else ""
    reason = f": {_escaped(example.reason)}" if example.reason else ""
    command = f" `byline {'why' if example.what == 'incident' else 'findings'} {_code(example.name)}`"
    return (
        f"- {count(example.count, 'time')} **{_escaped(example.error_type)}** in `{_code(example.function)}`{place}, "
        f"commit `{example.commit[:_DIGITS] or 'unknown'}`{reason}.{command if example.name else ''}"
    )


def _escaped(text: str) -> str:
    """Escape what Markdown, or HTML in it, would take for markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    return text.replace("`", "'").replace("|", "/")


def as_html(report: Report, time_text: TimeText) -> str:
    """
    Return the report as one page that needs nothing else.

    Raises:
        MissingExtraError: Jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("--format html needs Jinja2. Run: pip install 'byline[web]'") from error
    source = resources.files(__package__).joinpath("report.html").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"moment": time_text, "counted": count}
    return environment.from_string(source).render(report=report, per=PER)
