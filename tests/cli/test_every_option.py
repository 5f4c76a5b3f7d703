"""Every option of every command, typed once against one repository and one store, from the list that click keeps."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from inspect import signature
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from byline._cli.main import main
from byline._manifest import Manifest
from byline._model import Attribution, ExecutedLines, Finding, Incident, Suspect
from byline._store import sketches
from byline.store import Calls, FunctionSeen, Store

from ..repositories import RepositoryFactory

HOUR_NS = 3_600 * 10**9
TRACE = "0af7651916cd43dd8448eb211c80319c"
CLAUDE = "Add totals (#7)\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"
CURSOR = "Add carts\n\nCo-Authored-By: Cursor <cursoragent@cursor.com>\n"
TOTAL = "def total(items):\n    amount = sum(items)\n    return amount\n"
CART = "def add(cart, item):\n    cart.append(item)\n    return cart\n"

CASES = [
    ("--version", 0, "byline "),
    ("scan --json --output {tmp}/a.manifest --no-cache --all --moves --author email", 0, "ada@example.com"),
    ("scan --fetch", 2, "no remote"),
    ("scan --allow-shallow --cache", 0, "by AI"),
    ("build --json --output {tmp}/b.manifest --fail-under-coverage 1 --no-cache --all --author email", 0, "functions"),
    ("build --output {tmp}/d.manifest --previous {tmp}/none.manifest", 2, "none.manifest"),
    ("build --fetch", 2, "no remote"),
    ("build --allow-shallow --moves --output {tmp}/c.manifest", 0, "functions"),
    ("status --since 7d --probation 1h --json", 0, '"probation_s": 3600.0'),
    ("status --fail-on suspect --store {store}", 0, "total"),
    ("latency --by commit --since 7d --sort calls --limit 1 --store {store}", 0, "and 1 more"),
    ("latency --json", 0, '"found": 2'),
    ("incidents --since 48h --json", 0, '"since_s": 172800.0'),
    ("incidents --since 1s", 1, "No incidents in the last"),
    ("incidents --function till.total", 0, "2 incidents"),
    ("incidents --function till.nothing", 1, "No incidents"),
    ("incidents --tool cursor", 0, "1 incident, first suspects: 1 commit"),
    ("incidents --tool nobody", 1, "No incidents"),
    ("incidents --error KeyError", 0, "1 incident, first suspects: 1 commit"),
    ("incidents --error TypeError", 1, "No incidents"),
    ("incidents --tool claude --error ValueError", 0, "1 incident, first suspects: 1 commit"),
    ("incidents --tool cursor --error ValueError", 1, "No incidents"),
    ("incidents --pattern edge-case", 1, "No incidents"),
    ("incidents --limit 1 --store {store}", 0, "and 1 more"),
    ("incidents --trace " + TRACE, 0, "i00000000001"),
    ("incidents --trace " + "f" * 32, 1, "No incident matches"),
    ("why " + TRACE.upper(), 0, "incident i00000000001"),
    ("why " + "f" * 32, 1, "No incident has an id that starts with 'ffff"),
    ("why i00000000002 --store {store} --manifest .byline/byline.manifest --json", 0, '"i00000000002"'),
    ("findings --since 48h --all --json", 0, '"handling": "logged"'),
    ("findings --new-since 2001-01-01", 0, "3 swallowed exceptions"),
    ("findings --new-since {claude}", 1, "No silent failures"),
    ("findings --new-since yesterday", 2, "yesterday"),
    ("findings --store {store}", 0, "Not shown: 4 logged"),
    ("coverage --root . --manifest .byline/byline.manifest --lcov {tmp}/a.info --data {tmp}/.coverage", 0, "AI lines shipped"),
    ("coverage --json --store {store}", 0, '"executed": 1'),
    ("report --since 7d --format json --output {tmp}/report.json", 0, ""),
    ("report --store {store}", 0, "2 incidents, 3 swallowed exceptions"),
    ("export --table findings --since 7d --format json --output {tmp}/findings.json", 0, ""),
    ("export --store {store}", 0, "id,time"),
    ("blame till.py --json", 0, '"till.py"'),
    ("doctor --json --manifest .byline/byline.manifest --store {store}", 0, "2 AI functions of"),
    ("doctor --overhead --module till", 0, "till.total"),
    ("manifest show --json", 0, '"till.total"'),
    (
        "dashboards {tmp}/boards --histograms classic --runbook https://a.example --sentry https://b.example --json",
        0,
        "boards",
    ),
    ("sentry commits --manifest .byline/byline.manifest --release shop@1 --since 30d --json", 0, '"shop@1"'),
    ("sentry commits --send", 2, "SENTRY_"),
]  # fmt: skip
"""Words, status, and what is said on stdout, or on stderr of an error."""

ELSEWHERE = {
    "run --manifest": "cli/test_run.py", "run --store": "cli/test_run.py", "run --no-store": "cli/test_run.py",
    "run -m": "cli/test_run.py", "serve --port": "web/test_pages.py", "serve --store": "web/test_pages.py",
    "serve --open": "web/test_pages.py", "incidents --follow": "cli/test_follow.py",
    "status --source": "desk/test_backends.py", "latency --source": "desk/test_backends.py",
    "report --source": "servers/test_source_prometheus.py", "incidents --source": "desk/test_source_loki.py",
    "why --source": "desk/test_source_loki.py", "findings --source": "desk/test_source_loki.py",
}  # fmt: skip
"""Options that need a program, a server or a growing store, and where they are."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A scanned repository with a store, and its first AI commit."""
    repo = RepositoryFactory(tmp_path_factory.mktemp("shop"))
    repo.commit({"README.md": "A shop\n"}, message="Start")
    claude = repo.commit({"till.py": TOTAL}, message=CLAUDE)
    cursor = repo.commit({"cart.py": CART}, message=CURSOR)
    subprocess.run([sys.executable, "-m", "byline", "scan"], cwd=repo.path, check=True, capture_output=True)
    fill(repo.path / ".byline" / "byline.db", claude, cursor)
    return repo.path, claude


def fill(path: Path, claude: str, cursor: str) -> None:
    now_ns = time.time_ns()

    def incident(number: int, commit: str, tool: str, error: str, trace: str = "") -> Incident:
        own = Attribution("ai", "medium", "ok", commit, commit, "Ada", tool, lines=3, ai_lines=3)
        suspect = Suspect(
            commit, "AI line that raised", "till.total", "till.py", 2, 0, "ai", "medium", "Ada", tool
        )
        return Incident(
            f"i{number:011}", now_ns - 10**10, "till.total", error, "no", "stack", "till.py", 2, f"f{number}", own,
            (suspect,), trace_id=trace,
        )  # fmt: skip

    def finding(handling: str, count: int) -> Finding:
        owner = Suspect(claude, "handler", "till.total", "till.py", 2, 0, "ai", "medium", "Ada", "claude",
                        committed_at=1_700_000_060)  # fmt: skip
        return Finding(
            handling, now_ns, handling, "till.total", "KeyError", "till.py", 2, "except", "None", count, handling,  # type: ignore[arg-type]  # one of the handlings
            Attribution("ai", commit=claude, last_commit=claude), owner,
        )  # fmt: skip

    def seen(name: str, sha: str, ago_h: int) -> FunctionSeen:
        at_ns = now_ns - ago_h * HOUR_NS
        return FunctionSeen(name, sha, sha, "till.py", 1, "Ada", "claude", status="ok", confidence="medium",
                            first_seen_ns=at_ns, last_seen_ns=now_ns)  # fmt: skip

    with Store.open(path, create=True) as store:
        store.add(
            incidents=[incident(1, claude, "claude", "ValueError", TRACE), incident(2, cursor, "cursor", "KeyError")],
            calls=[
                Calls("till.total", claude, claude, "", now_ns, sketches.of([0.01] * 9)),
                Calls("cart.add", cursor, cursor, "", now_ns, sketches.of([0.02] * 5)),
            ],
            functions=[seen("cart.add", cursor, 200), seen("till.total", claude, 1)],
            findings=[finding("silent", 3), finding("logged", 4)],
            executed=[ExecutedLines("till.total", "till.py", 1, claude, claude, (1, 2), (1, 2), (1,), (), ())],
        )  # fmt: skip


@pytest.mark.parametrize(("words", "status", "says"), CASES, ids=[words[:60] for words, _, _ in CASES])
def test_an_option_does_what_its_help_says(  # noqa: PLR0913, PLR0917  # a line of the table, and fixtures
    words, status, says, shop, tmp_path, monkeypatch
):
    """
    Each option is taken, and the answer shows it.
    """
    folder, claude = shop
    for name in [*os.environ]:
        if name.startswith(("BYLINE_", "SENTRY_", "OTEL_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(folder)
    # Before click 8.2 the two streams came as one unless asked otherwise.
    apart = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
    typed = words.format(tmp=tmp_path, store=folder / ".byline" / "byline.db", claude=claude)
    done = CliRunner(**apart).invoke(main, shlex.split(typed), prog_name="byline")
    people = [each.author for path in tmp_path.glob("*.manifest") for each in Manifest.open(path).commits()]

    assert status == done.exit_code, done.output
    assert says in done.stdout + done.stderr + str(people)


def options(
    command: click.Command, context: click.Context, path: str = ""
) -> Iterator[tuple[str, list[str]]]:
    """Yield each command's options with all of their names."""
    for each in command.params:
        if isinstance(each, click.Option):
            yield path, [*each.opts, *each.secondary_opts]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from options(below, context, f"{path} {name}".strip())


def test_no_option_is_forgotten():
    """
    An option that is new has a line here, or a test of its own in the file that is named.
    """
    tests = Path(__file__).parents[1]
    untested = []
    for path, names in options(main, click.Context(main)):
        longest = max(names, key=len)
        told = ELSEWHERE.get(f"{path} {longest}")
        lines = [words for words, _, _ in CASES if words.startswith(path)]
        text = (tests / told).read_text("utf-8") if told else "\n".join(lines)
        if not any(re.search(rf"""(?:^|[\s"']){re.escape(each)}(?:[\s"'=]|$)""", text) for each in names):
            untested.append(f"{path} {longest}".strip())

    assert [] == untested
