"""``byline why``: one failure, and the commit behind it."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..exceptions import BylineError, NotFoundError
from . import options
from .incidents import kind_json
from .output import ago, console, count, duration, iso, moment, print_json, share, short, visible

if TYPE_CHECKING:
    from rich.console import Console

    from .._desk.backends.address import Address
    from .._desk.why import Place, Why
    from .._manifest import Manifest
    from .._model import Attribution, Suspect
    from ..store import Store

EXAMPLES = """
\b
Examples:
  byline why                      the last incident
  byline why 3fa9c2               an incident by the start of its id
  byline why 0af7651916cd43dd8448eb211c80319c   the last incident of a trace
  byline why 5f6e0a1c9d3b4c5e8f70a1b2c3d4e5f6   the incident of an event in Sentry
  byline why crash.log            the last traceback in a file
  kubectl logs shop | byline why -
  byline why --json | jq -r '.suspects[0].commit'

\b
JSON keys: version, source (store, loki, sentry or traceback), incident (id, time, function, error_type,
message, path, line, fingerprint, service, revision, pattern, certainty, trace_id, span_id,
sentry_event_id, duration_s, suppressed, stacktrace), attribution (of the function), suspects[], places[] (path,
line, function, code, commit, is_ours; innermost first), numbers (calls, errors, cancelled,
error_rate, p50_s, p95_s, p99_s, first_seen, last_seen, exact) or null, kind (how often, as in
byline incidents) or null, unverified[] (subject, reason, cure). New keys may come; these stay.
"""

_CALLERS = 4
_SIZE_LIMIT = 50_000_000
"""Bytes of a log that are read, from its end: the last traceback is the one wanted."""


@click.command(epilog=EXAMPLES)
@click.argument(
    "what",
    metavar="[INCIDENT_ID | TRACE_ID | SENTRY_EVENT_ID | FILE | -]",
    required=False,
    shell_complete=options.complete_incident,
)
@options.store
@options.source("loki", "sentry")
@click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The manifest for a traceback. Default: BYLINE_MANIFEST, else looked for here and above.",
)
@options.as_json
def command(
    *, what: str | None, store: Path | None, source: Address | None, manifest: Path | None, as_json: bool
) -> None:
    """
    Explain a failure and name its commit.

    Shows the line, the commit, the other suspects, the numbers and the doubts. Takes an incident of the store (default: the last one), or a file with a Python
    traceback somewhere in it, or - for standard input.
    """
    text = _text(what)
    if text is None:
        found = _recorded(what or "", store, source, manifest)
    elif source is None:
        found = _printed(text, store, manifest)
    else:
        raise click.UsageError("A traceback is explained by the manifest. Leave --source out.")
    if as_json:
        print_json(_as_json(found))
    else:
        _print(console(), found)


def _text(what: str | None) -> str | None:
    """Return the text of a file or of standard input; None when an incident is meant."""
    if what == "-":
        return sys.stdin.buffer.read()[-_SIZE_LIMIT:].decode("utf-8", "replace")
    path = Path(what or "")
    if not what or not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _SIZE_LIMIT))
            return file.read().decode("utf-8", "replace")
    except OSError as error:
        raise NotFoundError(f"The file {what!r} cannot be read: {error.strerror}.") from error


def _recorded(id_prefix: str, store: Path | None, source: Address | None, manifest: Path | None) -> Why:
    from .._desk.backends.opening import open_source
    from .._desk.why import explain_incident

    if "/" in id_prefix or "." in id_prefix:
        raise NotFoundError(f"There is no file {id_prefix!r}.")
    with closing(open_source(source, store)) as opened:
        return explain_incident(opened, id_prefix, manifest=_manifest(manifest))


def _printed(text: str, store: Path | None, manifest: Path | None) -> Why:
    from .._desk.places import open_manifest, open_store
    from .._desk.why import explain_traceback

    known = open_manifest(manifest)
    opened: Store | None = None
    try:
        opened = open_store(store)
    except BylineError:
        if store is not None:
            raise  # a store that was named must be there; one that might be here need not
    try:
        return explain_traceback(text, known, store=opened)
    finally:
        if opened is not None:
            opened.close()


def _manifest(argument: Path | None) -> Manifest | None:
    """Open the manifest that adds subjects; without one the answer has fewer of them."""
    from .._desk.places import open_manifest

    if argument is not None:
        return open_manifest(argument)
    with suppress(BylineError):
        return open_manifest(None)
    return None


def _as_json(why: Why) -> dict[str, object]:
    incident = why.incident
    names = ("id", "function", "error_type", "message", "path", "line", "fingerprint", "service", "revision",
             "pattern", "certainty", "trace_id", "span_id", "sentry_event_id",
             "duration_s", "suppressed", "stacktrace")  # fmt: skip
    return {
        "version": 1,
        "source": why.source,
        "incident": {"time": iso(incident.time_ns), **{name: getattr(incident, name) for name in names}},
        "attribution": _committed({**dataclasses.asdict(incident.attribution)}),
        "suspects": [_committed(dataclasses.asdict(each)) for each in incident.suspects],
        "places": [dataclasses.asdict(each) for each in why.places],
        "numbers": _numbers_json(why),
        "kind": kind_json(why.kind) if why.kind else None,
        "unverified": [dataclasses.asdict(each) for each in why.unverified],
    }


def _committed(values: dict[str, object]) -> dict[str, object]:
    at = values.pop("committed_at")
    return {**values, "committed_at": iso(at * 1_000_000_000) if isinstance(at, int) else None}


def _numbers_json(why: Why) -> dict[str, object] | None:
    if why.numbers is None:
        return None
    values: dict[str, object] = dataclasses.asdict(why.numbers)
    del values["first_ns"], values["last_ns"]
    return {**values, "first_seen": iso(why.numbers.first_ns), "last_seen": iso(why.numbers.last_ns)}


def _print(out: Console, why: Why) -> None:
    _print_failure(out, why)
    _print_place(out, why)
    _print_suspects(out, why)
    _print_numbers(out, why)
    _print_doubts(out, why)
    out.print("\nNext", style="bold")
    for line in _next(why):
        out.print(f"  {line}")


def _print_failure(out: Console, why: Why) -> None:
    from rich.text import Text

    incident = why.incident
    message = visible(incident.message)
    title = (visible(incident.error_type) or "A traceback without its last line", "bold red")
    out.print(Text.assemble(title, f": {message}" if message else ""))
    if why.source == "traceback":
        said = (
            f"from a traceback, by the manifest of revision {visible(short(incident.revision)) or 'unknown'}"
        )
    else:
        said = f"incident {visible(incident.id)}, {ago(incident.time_ns)} ({moment(incident.time_ns)})"
        if incident.service:
            said += f", in {visible(incident.service)}"
        if incident.revision:
            said += f" at revision {visible(short(incident.revision))}"
    out.print(said, style="dim")
    if incident.sentry_event_id:
        out.print(f"in Sentry: event {visible(incident.sentry_event_id)}", style="dim")
    if incident.pattern:
        out.print(
            f"a sign of: {visible(incident.pattern)} ({visible(incident.certainty)} certainty)", style="dim"
        )


def _print_place(out: Console, why: Why) -> None:
    from rich.text import Text

    raising = why.raising
    if raising is None:
        out.print("\nNo frame of this failure is known to be in the repository.", style="yellow")
        return
    out.print()
    out.print(
        Text.assemble(
            "  ", (f"{visible(raising.path)}:{raising.line}", "bold"), " in ", visible(raising.function)
        )
    )
    if raising.code:
        out.print(Text.assemble("    ", ("> ", "bold red"), visible(raising.code)))
    number = why.places.index(raising)
    if number:
        out.print(f"  it called {_where(why.places[0])}, which raised", style="dim")
    # A consequence of the failure passes the same frames again.
    callers = [each for each in dict.fromkeys(why.places[number + 1 :]) if each.is_ours and each != raising]
    for each in callers[:_CALLERS]:
        out.print(f"  called by {_where(each)}", style="dim")
    if len(callers) > _CALLERS:
        out.print(f"  and {len(callers) - _CALLERS} more of the repository's frames", style="dim")


def _where(place: Place) -> str:
    return f"{visible(place.function)} ({visible(place.path)}:{place.line})"


def _print_suspects(out: Console, why: Why) -> None:
    from rich.text import Text

    suspects = why.incident.suspects
    if not suspects:
        out.print("\nNo commit can be suspected; see what could not be checked.", style="yellow")
        return
    top, *others = suspects
    out.print("\nSuspect", style="bold")
    out.print(
        Text.assemble("  ", (visible(short(top.commit)), "bold yellow"), "  ", (visible(top.subject), "bold"))
    )
    out.print(f"  {visible(top.reason)}: {_written(top)}")
    out.print(f"  {_committed_by(top)}")
    if others:
        out.print("\nOther suspects", style="bold")
    for each in others:
        out.print(Text.assemble("  ", (visible(short(each.commit)), "yellow"), "  ", visible(each.subject)))
        out.print(
            f"    {visible(each.reason)}: {visible(each.path)}:{each.line}, {_written(each)}", style="dim"
        )


def _written(suspect: Suspect) -> str:
    if suspect.verdict != "ai":
        return "no sign of AI" if suspect.verdict == "unknown" else "written by a person"
    model = f" ({visible(suspect.model)})" if suspect.model else ""
    return f"{visible(suspect.tool) or 'an AI tool'}{model}, confidence {suspect.confidence}, by {visible(suspect.evidence)}"


def _committed_by(suspect: Suspect) -> str:
    parts = [visible(suspect.author) or "author not recorded"]
    if suspect.committed_at:
        at_ns = suspect.committed_at * 1_000_000_000
        parts.append(f"{ago(at_ns)} ({moment(at_ns)})")
    if suspect.change and f"#{suspect.change}" not in suspect.subject:
        parts.append(f"PR {visible(suspect.change)}")
    return ", ".join(parts)


def _print_numbers(out: Console, why: Why) -> None:
    incident, own = why.incident, why.incident.attribution
    if not incident.function:
        return
    out.print("\nFunction", style="bold")
    out.print(f"  {visible(incident.function)}")
    if own.lines:
        out.print(f"  {own.ai_lines} of {count(own.lines, 'line')} by AI{_history(own)}")
    numbers = why.numbers
    if numbers is None:
        out.print("  no calls of this version known", style="dim")
    else:
        estimated = "" if numbers.exact else " (estimated from explicit buckets)"
        cancelled = f", {numbers.cancelled:,} cancelled" if numbers.cancelled else ""
        out.print(
            f"  {count(numbers.calls, 'call')}, {numbers.errors:,} failed ({share(numbers.error_rate)}){cancelled}; "
            f"P50 {duration(numbers.p50_s)}, P95 {duration(numbers.p95_s)}, P99 {duration(numbers.p99_s)}{estimated}"
        )
    if why.kind is not None:
        held = why.kind.incidents - why.kind.recorded
        rest = f" ({held:,} held back by the rate limit)" if held else ""
        out.print(
            f"  this failure: {count(why.kind.incidents, 'time')}{rest}, "
            f"first {ago(why.kind.first_ns)}, last {ago(why.kind.last_ns)}"
        )


def _history(own: Attribution) -> str:
    if own.commit and own.commit == own.last_commit:
        return f"; written and last changed by {visible(short(own.commit))}"
    wrote = f"; written by {visible(short(own.commit))}" if own.commit else ""
    changed = f", last changed by {visible(short(own.last_commit))}" if own.last_commit else ""
    return wrote + changed


def _print_doubts(out: Console, why: Why) -> None:
    if not why.unverified:
        return
    out.print("\nNot checked", style="bold")
    for each in why.unverified:
        cure = f" ({visible(each.cure)})" if each.cure else ""
        out.print(f"  {visible(each.subject)}: {visible(each.reason)}{cure}", style="yellow")


def _next(why: Why) -> list[str]:
    """Return the commands that go on from here."""
    found = []
    if why.incident.suspects:
        top = why.incident.suspects[0]
        found.append(f"git show {visible(short(top.commit))} -- {visible(shlex.quote(top.path))}")
    if why.kind is not None and why.incident.suspects:
        found.append(f"byline incidents {visible(short(why.incident.suspects[0].commit))}")
    if why.source == "traceback" and why.kind is not None:
        found.append(f"byline why {visible(why.kind.last_id)}")
    elif why.source == "store":
        found.append(f"byline why {visible(why.incident.id)} --json")
    return found or ["byline scan", "byline doctor"]
