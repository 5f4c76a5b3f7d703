"""``byline blame``: who wrote a line or a function, and every piece of evidence for and against."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options
from .blame_drawing import draw_file, draw_function, draw_line
from .output import console, iso, print_json

if TYPE_CHECKING:
    from .._attribution.explanation import Explanation, FunctionAnswer, Line
    from .._model import Commit

EXAMPLES = """
\b
Examples:
  byline blame shop/cart.py
  byline blame shop/cart.py:Cart.total
  byline blame shop/cart.py:42
  byline blame shop/cart.py --json | jq '.lines[] | select(.verdict == "ai")'
  FORCE_COLOR=1 byline blame shop/cart.py | less -R

\b
JSON keys: version, path, revision, lines[], functions[], commits[], unverified[]. Each line:
line, code, state (committed, uncommitted, unknown), verdict, tool, model, confidence, source,
commit, commit_path, commit_line, evidence[] (verdict, source, tool, model, confidence, session,
where, standing, reason), remarks[]. standing is decides, agrees, overruled or unused.
New keys may come; these stay.
"""


@click.command(epilog=EXAMPLES)
@click.argument("what", metavar="FILE[:FUNCTION|:LINE]", shell_complete=options.complete_file)
@options.as_json
def command(*, what: str, as_json: bool) -> None:
    """
    Show who wrote each line and function of a file.

    With FUNCTION or LINE only that one, with every piece of evidence: which source said what,
    which one decided, and why. The file is read as it is in the work tree; lines that are not
    committed are marked.
    """
    from .._attribution.explain import explain

    file, wanted = _split(what)
    found = explain(file)
    number = int(wanted) if wanted.isdecimal() else 0
    if number or wanted == "0":
        line = found.line(number)
        around = found.function_at(number)
        shown = dataclasses.replace(found, lines=(line,), functions=(around,) if around else ())
    elif wanted:
        function = found.function(wanted)
        place = function.function
        inside = found.lines[place.first_line - 1 : place.end_line]
        shown = dataclasses.replace(found, lines=inside, functions=(function,))
    else:
        shown = found
    if as_json:
        print_json(_as_json(shown))
    elif number:
        draw_line(console(), shown)
    elif wanted:
        draw_function(console(), shown)
    else:
        draw_file(console(), shown)


def _split(what: str) -> tuple[Path, str]:
    """Split off a function's name or a line's number; a file may have a colon in its name."""
    path = Path(what)
    if path.exists() or ":" not in what:
        return path, ""
    name, _, wanted = what.rpartition(":")
    is_wanted = re.fullmatch(r"\d{1,9}|[^\W\d][\w.<>]*", wanted)
    return (Path(name), wanted) if is_wanted else (path, "")


def _as_json(found: Explanation) -> dict[str, object]:
    owners = Counter(line.commit for line in found.lines if line.commit)
    named = [found.commits[sha] for sha, _ in owners.most_common() if sha in found.commits]
    return {
        "version": 1,
        "path": found.path,
        "revision": found.revision,
        "lines": [_line_json(each) for each in found.lines],
        "functions": [_function_json(each) for each in found.functions],
        "commits": [{**_commit_json(each), "lines": owners[each.sha]} for each in named],
        "unverified": [dataclasses.asdict(each) for each in found.unverified],
    }


def _line_json(line: Line) -> dict[str, object]:
    winner = line.evidence
    return {
        "line": line.number,
        "code": line.code,
        "state": line.state,
        "verdict": line.verdict,
        "tool": winner.tool if winner else "",
        "model": winner.model if winner else "",
        "confidence": winner.confidence if winner else "none",
        "source": winner.source if winner else "",
        "commit": line.commit,
        "commit_path": line.path,
        "commit_line": line.original or None,
        "evidence": [
            {**dataclasses.asdict(each.evidence), "where": each.where, "standing": each.standing, "reason": each.reason}
            for each in line.testimonies
        ],
        "remarks": list(line.remarks),
    }  # fmt: skip


def _function_json(answer: FunctionAnswer) -> dict[str, object]:
    values = dataclasses.asdict(answer.attribution)
    committed_at = iso(values.pop("committed_at") * 1_000_000_000)
    return {
        "name": answer.function.name,
        **dataclasses.asdict(answer.function),
        **values,
        "committed_at": committed_at,
        "reason": answer.reason,
    }


def _commit_json(commit: Commit) -> dict[str, object]:
    values = dataclasses.asdict(commit)
    del values["evidence"]
    return {**values, "committed_at": iso(commit.committed_at * 1_000_000_000)}
