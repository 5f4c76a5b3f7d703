"""What ``byline blame`` shows to people: lines, functions and commits, with what speaks for and against each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .output import SHA_DIGITS, ago, count, short, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from .._attribution.explanation import Explanation, FunctionAnswer, Line
    from .._attribution.testimony import Testimony
    from .._model import Commit

_COLOURS = {"ai": "magenta", "human": "green", "unknown": "dim"}
_SIGNS = {"decides": "=", "agrees": "+", "overruled": "-", "unused": " "}
_SIGN_STYLES = {"decides": "bold", "agrees": "green", "overruled": "yellow", "unused": "dim"}
_SHOWN = 3


def draw_file(out: Console, found: Explanation) -> None:
    """Draw a file: its lines, functions and commits."""
    _print_title(out, found)
    out.print()
    _print_lines(out, found.lines)
    if found.functions:
        out.print("\nFunctions", style="bold")
        for answer in found.functions:
            out.print(_function_title(answer))
            if changes := _changes(answer):
                out.print(f"        {changes}", style="dim")
    _print_commits(out, found)
    _print_doubts(out, found)
    out.print("\nNext", style="bold")
    ai = next((line for line in found.lines if line.verdict == "ai"), None)
    if found.functions:
        wanted = next(
            (each for each in found.functions if each.attribution.verdict == "ai"), found.functions[0]
        )
        out.print(f"  byline blame {visible(found.path)}:{visible(wanted.function.qualname)}")
    out.print(f"  byline blame {visible(found.path)}:{ai.number if ai else 1}")


def draw_function(out: Console, found: Explanation) -> None:
    """Draw one function with all that speaks of its lines."""
    (answer,) = found.functions
    who, place = answer.attribution, answer.function
    out.print(
        f"{visible(place.qualname)} in {visible(found.path)}, lines {place.first_line} to {place.end_line}",
        style="bold",
    )
    out.print(_function_title(answer))
    out.print(f"  {visible(answer.reason)}")
    for title, sha in (("written by", who.commit), ("last changed by", who.last_commit)):
        commit = found.commits.get(sha)
        if sha:
            out.print(f"  {title:<16}{short(sha)}  {visible(_about(commit)) if commit else ''}")
    shares = ", ".join(f"{short(each.commit) or 'not committed'} {each.lines}" for each in who.contributions)
    if shares:
        out.print(f"  behaviour lines {visible(shares)}", style="dim")
    out.print()
    _print_lines(out, found.lines)
    _print_commits(out, found)
    _print_doubts(out, found)


def draw_line(out: Console, found: Explanation) -> None:
    """Draw one line with every piece of evidence."""
    (line,) = found.lines
    out.print(f"{visible(found.path)}:{line.number}", style="bold")
    out.print(f"  {visible(line.code.strip())}")
    out.print()
    out.print(_verdict(line))
    commit = found.commits.get(line.commit)
    if commit is not None:
        out.print(f"  {short(commit.sha)}  {visible(_about(commit))}")
        moved = f"line {line.original}" + (f" of {visible(line.path)}" if line.path != found.path else "")
        out.print(f"  there it was {moved}", style="dim")
    if line.testimonies or line.remarks:
        out.print("\nEvidence", style="bold")
    _print_testimonies(out, line.testimonies, line.remarks)
    for answer in found.functions:
        out.print("\nFunction", style="bold")
        out.print(_function_title(answer))
        out.print(f"    {visible(answer.reason)}", style="dim")
    _print_doubts(out, found)


def _print_title(out: Console, found: Explanation) -> None:
    states = Counter(line.state for line in found.lines)
    verdicts = Counter(line.verdict for line in found.lines if line.state == "committed")
    told = [f"{verdicts[each]:,} {each}" for each in ("ai", "human", "unknown") if verdicts[each]]
    if states["uncommitted"]:
        told.append(f"{states['uncommitted']:,} not committed")
    if states["unknown"]:
        told.append(f"{states['unknown']:,} beyond the history that is here")
    lines = count(len(found.lines), "line")
    out.print(f"{visible(found.path)} at {short(found.revision)}: {lines}, {', '.join(told)}", style="bold")


def _print_lines(out: Console, lines: Iterable[Line]) -> None:
    from rich.text import Text

    shown = list(lines)
    width = len(str(shown[-1].number)) if shown else 1
    tools = max((len(line.evidence.tool) for line in shown if line.evidence), default=0)
    for line in shown:
        who = visible(line.evidence.tool) if line.evidence else ""
        sure = line.evidence.confidence if line.evidence else ""
        commit = short(line.commit) if line.commit else line.state.replace("unknown", "beyond")[:SHA_DIGITS]
        verdict = line.verdict if line.state == "committed" else ""
        style = _COLOURS[line.verdict]
        out.print(
            Text.assemble(
                (f"{commit:<{SHA_DIGITS}} ", "yellow" if line.commit else "red"),
                (f" {verdict:<7} {who:<{tools}} {sure:<6} ", style),
                (f"{line.number:>{width}} ", "dim"),
                visible(line.code.expandtabs(4)),
            )
        )


def _verdict(line: Line) -> Text:
    from rich.text import Text

    if line.state == "uncommitted":
        return Text("not committed: git cannot tell who wrote it", style="red")
    if line.evidence is None:
        return Text("unknown", style="bold")
    winner = line.evidence
    said = [winner.verdict, visible(winner.tool), visible(winner.model)]
    told = " · ".join([each for each in said if each] + [f"confidence {winner.confidence}"])
    return Text(told, style=f"bold {_COLOURS[line.verdict]}")


def _function_title(answer: FunctionAnswer) -> Text:
    from rich.text import Text

    who, place = answer.attribution, answer.function
    tool = " ".join(visible(each) for each in (who.tool, who.model) if each)
    sure = f", confidence {who.confidence}" if who.verdict != "unknown" else ""
    edited = ", edited since" if who.status == "stale" else ""
    return Text.assemble(
        f"  {place.line:>4}  ",
        visible(place.qualname),
        "  ",
        (f"{who.verdict}{' ' + tool if tool and who.verdict == 'ai' else ''}", _COLOURS[who.verdict]),
        f"  {who.ai_lines}/{who.lines} AI lines{sure}{edited}",
    )


def _changes(answer: FunctionAnswer) -> str:
    who = answer.attribution
    if who.commit and who.commit == who.last_commit:
        return f"{short(who.commit)} wrote it and changed it last"
    wrote = f"{short(who.commit)} wrote it" if who.commit else ""
    changed = f"{short(who.last_commit)} changed it last" if who.last_commit else ""
    return ", ".join(each for each in (wrote, changed) if each)


def _print_commits(out: Console, found: Explanation) -> None:
    """Print each commit that owns a line, with what speaks for its lines."""
    from rich.text import Text

    owners = Counter(line.commit for line in found.lines if line.commit in found.commits)
    spoken = {line.commit for line in found.lines if line.testimonies or len(line.remarks) > 1}
    if owners:
        out.print("\nCommits", style="bold")
    for sha, lines in owners.most_common():
        if sha not in spoken:
            continue
        about = visible(_about(found.commits[sha]))
        out.print(Text.assemble(("  " + short(sha), "yellow"), f"  {about}  ({count(lines, 'line')})"))
        for testimonies, remarks, numbers in _groups(line for line in found.lines if line.commit == sha):
            if len(numbers) < lines:
                out.print(f"    {_ranges(numbers)}", style="dim")
            _print_testimonies(out, testimonies, remarks, margin="    ")
    silent = [sha for sha, _ in owners.most_common() if sha not in spoken]
    for sha in silent[:_SHOWN]:
        about = visible(_about(found.commits[sha]))
        out.print(Text.assemble(("  " + short(sha), "yellow"), f"  {about}  ({count(owners[sha], 'line')})"))
    if len(silent) > _SHOWN:
        rest = sum(owners[sha] for sha in silent[_SHOWN:])
        out.print(f"  and {count(len(silent) - _SHOWN, 'more commit')} with {count(rest, 'line')}")
    if silent:
        remark = next(line.remarks[0] for line in found.lines if line.commit in silent and line.remarks)
        out.print(f"    {visible(remark)}", style="dim")


_Said = tuple[tuple["Testimony", ...], tuple[str, ...]]


def _groups(lines: Iterable[Line]) -> Iterator[tuple[tuple[Testimony, ...], tuple[str, ...], list[int]]]:
    """Put the lines of which the same was said together."""
    found: dict[_Said, list[int]] = {}
    for line in lines:
        found.setdefault((line.testimonies, line.remarks), []).append(line.number)
    for (testimonies, remarks), numbers in found.items():
        yield testimonies, remarks, numbers


def _ranges(numbers: list[int]) -> str:
    """Write line numbers as people do: 3-5, 9."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    told = [str(first) if first == last else f"{first}-{last}" for first, last in spans]
    more = f" and {len(told) - 2 * _SHOWN} more parts" if len(told) > 2 * _SHOWN else ""
    return f"line{'s' * (len(numbers) > 1)} {', '.join(told[: 2 * _SHOWN])}{more}"


def _print_testimonies(
    out: Console, testimonies: Iterable[Testimony], remarks: Iterable[str], *, margin: str = "  "
) -> None:
    from rich.text import Text

    for each in testimonies:
        said = each.evidence
        facts = [said.verdict, visible(said.tool), visible(said.model), said.confidence]
        told = " · ".join(fact for fact in facts if fact)
        out.print(
            Text.assemble(
                margin,
                (f"{_SIGNS[each.standing]} {each.standing:<10}", _SIGN_STYLES[each.standing]),
                f"{said.source}: {told}, in {visible(each.where)}",
            )
        )
        out.print(f"{margin}  {'':<10}{visible(each.reason)}", style="dim")
    for remark in remarks:
        out.print(f"{margin}  {visible(remark)}", style="dim")


def _about(commit: Commit) -> str:
    who = commit.accountable or commit.author
    signed = f"{who} with {commit.author}" if commit.accountable not in {"", commit.author} else who
    change = f"PR {commit.change}" if commit.change and f"#{commit.change}" not in commit.subject else ""
    when = ago(commit.committed_at * 1_000_000_000) if commit.committed_at else ""
    return " · ".join(each for each in (commit.subject, signed, when, change) if each)


def _print_doubts(out: Console, found: Explanation) -> None:
    if found.unverified:
        out.print("\nNot checked", style="bold")
    for each in found.unverified[:_SHOWN]:
        cure = f" ({visible(each.cure)})" if each.cure else ""
        out.print(f"  {visible(each.subject)}: {visible(each.reason)}{cure}", style="yellow")
    if len(found.unverified) > _SHOWN:
        out.print(f"  and {len(found.unverified) - _SHOWN} more: --json", style="yellow")
