"""``byline why`` and ``byline incidents`` as people and programs use them."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version
from inspect import signature

import pytest
from click.testing import CliRunner

from byline import _manifest
from byline._cli.main import COMMANDS, main
from byline._manifest import FileRecord, Header, LineRun, blob_id
from byline._model import Attribution, Commit, Evidence, Incident, Suspect, Unverified
from byline._store import sketches
from byline.store import Calls, Store

AI, OLD, LAST = "a1" * 20, "b2" * 20, "c3" * 20
NOW_NS = time.time_ns()
SOURCE = b"def mean(items):\n    return sum(items) / len(items)\n"
CRASH = (
    "Traceback (most recent call last):\n"
    '  File "/srv/cart.py", line 2, in mean\n    return sum(items) / len(items)\n'
    "ZeroDivisionError: division by zero\n"
)
HOSTILE = "\x1b]0;owned\x07\x1b[2J[bold red]no[/bold red] :boom:\nsecond\u202eline" + "x" * 1_000_000


def incident(number, *, message="division by zero", **fields):
    suspects = (
        Suspect(
            AI, "AI line that raised", "cart.mean", "cart.py", 2, 0, "ai", "medium", "Ana", "claude", "Opus 5",
            "trailer", "Add the mean (#7)", "7", NOW_NS // 10**9 - 86_400 * 3,
        ),
        Suspect(OLD, "line that raised, no sign of AI", "cart.total", "cart.py", 9, 1, "unknown", "none", "Ben"),
    )  # fmt: skip
    values = {
        "id": f"{number:012x}", "time_ns": NOW_NS + number, "function": "cart.mean", "error_type": "ZeroDivisionError",
        "message": message, "stacktrace": CRASH, "path": "cart.py", "line": 2, "fingerprint": "f1",
        "attribution": Attribution("ai", "medium", "ok", AI, LAST, "Ana", lines=2, ai_lines=2),
        "suspects": suspects, "unverified": (Unverified("json.loads", "outside the repository (a library)"),),
        "service": "shop", "revision": "e5" * 20,
    }  # fmt: skip
    return Incident(**{**values, **fields})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a store of three incidents, and a manifest."""
    for name in ("BYLINE_STORE", "BYLINE_MANIFEST", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cart.py").write_bytes(SOURCE)
    with Store.open(tmp_path / ".byline" / "byline.db", create=True) as store:
        store.add(
            incidents=[
                incident(1),
                incident(2, suppressed=4),
                incident(0xAB3, fingerprint="f2", error_type="KeyError"),
            ],
            calls=[
                Calls("cart.mean", AI, LAST, "", NOW_NS, sketches.of([0.012] * 30)),
                Calls("cart.mean", AI, LAST, "ZeroDivisionError", NOW_NS, sketches.of([0.001])),
            ],
        )
    mark = Evidence("ai", "trailer", "claude", "medium")
    _manifest.write(
        tmp_path / ".byline" / "byline.manifest",
        Header("e5" * 20, "main"),
        [FileRecord("cart.py", "cart", blob_id(SOURCE).hex(), (), (LineRun(2, AI, mark),))],
        {AI: Commit(AI, "Add the mean (#7)", 1_700_000_000, "Ana", "Ana", "7")},
    )
    return tmp_path


@pytest.fixture
def run(folder):
    """Type a command; the answer has stdout, stderr and the exit status."""
    # Before click 8.2 the two streams came as one unless asked otherwise.
    apart = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}

    def type_in(*words, **options):
        return CliRunner(**apart).invoke(main, words, prog_name="byline", **options)

    return type_in


def byline(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "byline", *words], capture_output=True, timeout=60, check=False, **options
    )


# --- why -----------------------------------------------------------------------------


def test_why_tells_the_whole_story(run):
    """
    The failure, the line, the suspect, the others, the numbers, the doubts, and where to go on.
    """
    done = run("why", "000000000002")

    expected = [
        "ZeroDivisionError: division by zero", "incident 000000000002", "in shop at revision e5e5e5e5e5",
        "cart.py:2 in cart.mean", "> return sum(items) / len(items)",
        "a1a1a1a1a1  Add the mean (#7)", "AI line that raised: claude (Opus 5), confidence medium, by trailer",
        "Ana, 3 days ago", "b2b2b2b2b2", "line that raised, no sign of AI: cart.py:9",
        "2 of 2 lines by AI; written by a1a1a1a1a1, last changed by c3c3c3c3c3",
        "31 calls, 1 failed (3.2 %); P50 1", "this failure: 6 times (4 held back by the rate limit)",
        "json.loads: outside the repository (a library)", "git show a1a1a1a1a1 -- cart.py",
        "byline incidents a1a1a1a1a1", "byline why 000000000002 --json",
    ]  # fmt: skip
    assert (0, "") == (done.exit_code, done.stderr)
    assert [] == [each for each in expected if each not in done.stdout]


def test_why_without_an_argument_explains_the_last_incident(run):
    """
    At 3 a.m. two words are enough.
    """
    assert "KeyError: division by zero\nincident 000000000ab3" in run("why").stdout


@pytest.mark.parametrize("source", ["file", "-"])
def test_why_reads_a_traceback(run, folder, source):
    """
    A log file, or standard input, with a traceback somewhere in it.
    """
    (folder / "crash.log").write_text(f"starting\n{CRASH}")
    done = run("why", "crash.log") if source == "file" else run("why", "-", input=CRASH)

    assert 0 == done.exit_code, done.stderr
    assert "from a traceback, by the manifest of revision e5e5e5e5e5" in done.stdout
    assert "a1a1a1a1a1  Add the mean (#7)" in done.stdout
    assert "byline why 000000000002" in done.stdout


def test_why_for_programs(run):
    """
    The keys of --json are a promise.
    """
    told = json.loads(run("why", "000000000002", "--json").stdout)

    assert [
        "version",
        "source",
        "incident",
        "attribution",
        "suspects",
        "places",
        "numbers",
        "kind",
        "unverified",
    ] == [*told]
    assert {
        "time", "id", "function", "error_type", "message", "path", "line", "fingerprint", "service", "revision",
        "pattern", "certainty", "trace_id", "span_id", "sentry_event_id", "duration_s", "suppressed", "stacktrace",
    } == set(told["incident"])  # fmt: skip
    assert {
        "commit", "reason", "function", "path", "line", "distance", "verdict", "confidence", "author", "tool", "model",
        "evidence", "subject", "change", "committed_at",
    } == set(told["suspects"][0])  # fmt: skip
    assert {"path", "line", "function", "code", "commit", "is_ours"} == set(told["places"][0])
    assert {
        "function", "calls", "errors", "cancelled", "error_rate", "p50_s", "p95_s", "p99_s", "exact", "first_seen",
        "last_seen",
    } == set(told["numbers"])  # fmt: skip
    assert (AI, 31, 6, 2) == (
        told["suspects"][0]["commit"], told["numbers"]["calls"], told["kind"]["count"], told["kind"]["recorded"]
    )  # fmt: skip


def test_json_of_a_traceback_has_the_same_keys(run):
    """
    What was never recorded has nulls, not other keys.
    """
    stored = json.loads(run("why", "--json").stdout)
    printed = json.loads(run("why", "-", "--json", input=CRASH).stdout)

    assert [*stored] == [*printed]
    assert [*stored["incident"]] == [*printed["incident"]]
    assert ("traceback", None, "") == (
        printed["source"],
        printed["incident"]["time"],
        printed["incident"]["id"],
    )


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["why", "ffff"], 1, "No incident has an id that starts with 'ffff'"),
        (["why", "0000"], 1, "short for several incidents"),
        (["why", "no/such.log"], 1, "There is no file 'no/such.log'"),
        (["why", "--store", "none.db"], 2, "There is no store at 'none.db'"),
        (["why", "--manifest", "none", "-"], 2, "no manifest at 'none'"),
        (["incidents", "ffff"], 2, "names no commit"),
        (["incidents", "HEAD"], 2, "is not a commit. Give at least 4 hexadecimal digits"),
        (["incidents", "--since", "yesterday"], 2, "'yesterday' is not a duration"),
        (["nonsense"], 2, "No such command"),
    ],
    ids=["id", "short id", "file", "store", "manifest", "commit", "no sha", "since", "command"],
)
def test_mistakes_are_one_sentence_on_stderr(run, words, status, says):
    """
    No traceback, nothing on standard output, and a status that scripts can tell apart.
    """
    done = run(*words, input=CRASH)

    assert (status, "") == (done.exit_code, done.stdout)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_no_traceback_in_the_text(run):
    """
    A log without a failure finds nothing.
    """
    done = run("why", "-", input="all is well\n")

    assert (1, True) == (done.exit_code, "No Python traceback" in done.stderr)


def test_hostile_text_is_harmless(run, folder):
    """
    A message with colours, markup, line ends and a megabyte is shown on one line, spelled out.
    """
    with Store.open(folder / ".byline" / "byline.db") as store:
        store.add_incidents([
            incident(0xBAD, message=HOSTILE, time_ns=NOW_NS + 10**9, error_type="\x1b[1mX", service="\x9b31m"),
        ])  # fmt: skip

    for words in (["why"], ["incidents"], ["incidents", "a1a1"]):
        done = run(*words)
        assert 0 == done.exit_code, done.stderr
        assert not set(done.stdout) & {"\x1b", "\x07", "\x9b", "\u202e"}
        assert len(done.stdout) < 5_000
    assert "[bold red]no[/bold red] :boom:\\nsecond\\u202eline" in run("why").stdout
    assert HOSTILE == json.loads(run("why", "--json").stdout)["incident"]["message"]


def test_a_hostile_argument_is_harmless(run):
    """
    What the user, or a script, passed on is spelled out in the error, too.
    """
    assert "\x1b" not in run("why", "\x1b[2Jffff").stderr


def test_a_traceback_needs_no_store(run, folder):
    """
    The manifest alone answers; a store that was named must be there.
    """
    (folder / ".byline" / "byline.db").unlink()

    done = run("why", "-", input=CRASH)

    assert 0 == done.exit_code, done.stderr
    assert "a1a1a1a1a1  Add the mean (#7)" in done.stdout
    assert 2 == run("why", "-", "--store", "none.db", input=CRASH).exit_code


def test_an_incident_needs_no_manifest(run, folder):
    """
    Without a manifest the code is not shown, and the rest is; one that was named must be there.
    """
    (folder / "bare").mkdir()
    (folder / ".byline" / "byline.manifest").rename(folder / "bare" / "m")
    with Store.open(folder / "bare" / "byline.db", create=True) as store:
        store.add_incidents([incident(1, stacktrace="", service="", revision="")])

    done = run("why", "--store", "bare/byline.db")

    assert (0, False) == (done.exit_code, "> return" in done.stdout)
    assert "> return sum(items) / len(items)" in run("why", "--manifest", "bare/m", input="").stdout
    assert 2 == run("why", "--manifest", "none").exit_code


def test_a_failure_outside_the_repository_says_so(run):
    """
    A traceback without a known frame names no commit, and what could be done.
    """
    done = run("why", "-", input=CRASH.replace("/srv/cart.py", "/usr/lib/python3.11/cart.py"))

    assert 0 == done.exit_code
    for each in (
        "No frame of this failure",
        "No commit can be suspected",
        "outside the repository",
        "byline scan",
    ):
        assert each in done.stdout


def test_the_way_to_the_failure_is_shown(run, folder):
    """
    What the line called, who called it, the change when the subject does not name it, and estimates as such.
    """
    frames = "".join(
        f'  File "/srv/cart.py", line {line}, in caller_{line}\n' for line in (90, 80, 70, 60, 50)
    )
    stack = (
        f"Traceback (most recent call last):\n{frames}"
        '  File "/srv/cart.py", line 2, in mean\n  File "/usr/lib/python3.11/json.py", line 5, in loads\nKeyError: 1\n'
    )
    suspect = replace(
        incident(1).suspects[0], subject="Add the mean", verdict="human", committed_at=0, author=""
    )
    with Store.open(folder / "deep.db", create=True) as store:
        store.add(
            incidents=[
                incident(1, stacktrace=stack, suspects=(suspect,), attribution=Attribution(lines=3, commit=AI, last_commit=AI)),
            ],
            calls=[
                Calls("cart.mean", AI, AI, "", NOW_NS, sketches.of([0.01]), exact=False),
                Calls("cart.mean", AI, AI, "cancelled", NOW_NS, sketches.of([0.01])),
            ],
        )  # fmt: skip

    told = run("why", "--store", "deep.db").stdout

    for each in (
        "it called loads (/usr/lib/python3.11/json.py:5), which raised", "called by caller_50 (cart.py:50)",
        "and 1 more of the repository's frames", "author not recorded, PR 7", "AI line that raised: written by a person",
        "0 of 3 lines by AI; written and last changed by a1a1a1a1a1",
        "2 calls, 0 failed (0.0 %), 1 cancelled", "(estimated from explicit buckets)",
    ):  # fmt: skip
        assert each in told


def test_a_file_that_cannot_be_read_is_one_sentence(folder):
    """
    A log of someone else's.
    """
    (folder / "secret.log").write_text(CRASH)
    (folder / "secret.log").chmod(0)
    setpriv = shutil.which("setpriv")
    if not os.geteuid() and setpriv is None:
        pytest.skip("file permissions do not hold for root, and setpriv is not here")
    prefix = [] if os.geteuid() else [setpriv, "--bounding-set=-dac_override,-dac_read_search,-fowner"]

    done = subprocess.run(
        [*prefix, sys.executable, "-m", "byline", "why", "secret.log"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (1, "Error: The file 'secret.log' cannot be read: Permission denied.\n") == (
        done.returncode,
        done.stderr,
    )


# --- incidents ------------------------------------------------------------------------


def test_incidents_by_commit(run):
    """
    Count, functions, exceptions, first and last seen, P95, and the commit's facts.
    """
    done = run("incidents", "--since", "48h")

    assert (0, "") == (done.exit_code, done.stderr)
    lines = done.stdout.splitlines()
    assert "7 incidents in the last 2 days, first suspects: 1 commit" == lines[0]
    assert ["a1a1a1a1a1", "7"] == lines[3].split()[:2]
    assert lines[3].endswith("12 ms")
    assert "  Add the mean (#7) · claude · Ana" in lines
    assert "  KeyError in cart.mean" in lines
    assert "  byline why 000000000ab3" in lines


def test_incidents_of_one_commit(run):
    """
    A prefix shows its functions and the kinds of its failures, with an id for each.
    """
    done = run("incidents", "A1A1")

    assert 0 == done.exit_code
    for each in (
        "31 calls, 3.2 % failed",
        "000000000ab3  1 time,",
        "000000000002  6 times,",
        "git show a1a1a1a1a1",
    ):
        assert each in done.stdout


@pytest.fixture
def patterns(folder):
    """A store with incidents of two patterns, and one that no rule knows."""
    hallucinated = {"pattern": "hallucinated-api", "certainty": "high", "error_type": "AttributeError"}
    with Store.open(folder / "patterns.db", create=True) as store:
        store.add(
            incidents=[
                incident(1, **hallucinated, fingerprint="f1"),
                incident(2, **hallucinated, fingerprint="f1", suppressed=2),
                incident(3, pattern="edge-case", certainty="medium", fingerprint="f2"),
                incident(4, fingerprint="f3", error_type="OddError"),
            ],
        )
    return "patterns.db"


def test_incidents_of_one_pattern(run, patterns):
    """
    Those that are a sign of it, added up as ever, each with the certainty of the rule; for people and for programs.
    """
    of_pattern = ("incidents", "--store", patterns, "--pattern", "hallucinated-api")
    one = json.loads(run(*of_pattern, "--json").stdout)
    traced = run(*of_pattern, AI[:8]).stdout
    several = json.loads(run("incidents", "--store", patterns, "--json").stdout)
    none = run("incidents", "--store", patterns, "--pattern", "security")

    (commit,) = one["commits"]
    assert (4, 4) == (one["count"], commit["count"])
    assert [("AttributeError", "hallucinated-api", "high", 4)] == [
        (each["error_type"], each["pattern"], each["certainty"], each["count"])
        for each in commit["incidents"]
    ]
    assert "a sign of: hallucinated-api (high certainty)" in traced
    assert "edge-case" not in traced
    assert {"hallucinated-api", "edge-case", ""} == {
        each["pattern"] for each in several["commits"][0]["incidents"]
    }
    assert (1, "No incidents.\n") == (none.exit_code, none.stdout)


def test_a_pattern_that_is_none(run):
    """
    Is refused with those there are.
    """
    done = run("incidents", "--pattern", "bugs")

    assert 2 == done.exit_code
    assert "'bugs' is not one of" in done.stderr
    assert "hallucinated-api" in done.stderr


def test_why_tells_the_pattern(run, patterns):
    """
    An incident that a rule knows says so; another does not mention it.
    """
    assert "a sign of: edge-case (medium certainty)" in run("why", "000000000003", "--store", patterns).stdout
    assert "a sign of" not in run("why", "000000000004", "--store", patterns).stdout


def test_incidents_for_programs(run):
    """
    The keys of --json are a promise.
    """
    told = json.loads(run("incidents", "--since", "1d", "--json").stdout)

    assert ["version", "since_s", "count", "found", "commits", "unverified"] == [*told]
    assert {
        "commit", "subject", "author", "tool", "model", "change", "committed_at", "count", "recorded", "first_seen",
        "last_seen", "error_types", "p95_s", "functions", "incidents",
    } == set(told["commits"][0])  # fmt: skip
    assert {
        "function",
        "calls",
        "errors",
        "cancelled",
        "error_rate",
        "p50_s",
        "p95_s",
        "p99_s",
        "exact",
    } == set(told["commits"][0]["functions"][0])
    assert {
        "id", "fingerprint", "error_type", "message", "function", "path", "line", "pattern", "certainty", "count",
        "recorded", "first_seen", "last_seen",
    } == set(told["commits"][0]["incidents"][0])  # fmt: skip
    assert (7, 86_400, AI) == (told["count"], told["since_s"], told["commits"][0]["commit"])


def test_nothing_found_has_a_status_of_its_own(run, folder):
    """
    No incident in the window is said, and the status is 1.
    """
    with Store.open(folder / "empty.db", create=True):
        pass

    done = run("incidents", "--store", "empty.db", "--since", "2h")

    assert (1, "No incidents in the last 2 h.\n") == (done.exit_code, done.stdout)
    assert 1 == run("incidents", "--store", "empty.db", "--json").exit_code
    assert (1, True) == (
        (done := run("why", "--store", "empty.db")).exit_code,
        "No incident is recorded" in done.stderr,
    )


def test_what_is_left_out_and_what_is_not_known_is_said(run, folder):
    """
    A store that had to forget says so, and a commit of which only the SHA is known too.
    """
    bare = Suspect(AI, "AI line that raised", "cart.mean", "cart.py", 2, 0, "ai", "medium")
    with Store.open(folder / "old.db", create=True, max_age=timedelta(hours=1)) as store:
        store.add_incidents(
            [
                incident(1, time_ns=NOW_NS - 7_200_000_000_000),
                incident(2, suspects=(bare,), time_ns=time.time_ns()),
            ]
        )

    listed, one = (
        run("incidents", *words, "--store", "old.db").stdout for words in (["--since", "90s"], ["a1a1"])
    )

    assert "1 incident in the last 90 s, first suspects: 1 commit" in listed
    assert "Not in this answer: incidents removed (1 rows, to keep the store within its bounds" in listed
    assert "nothing more is known of this commit" in listed
    assert "no calls known" in one


def test_incidents_without_a_suspect_are_shown(run, folder):
    """
    What no commit can be suspected of is in the list, and why says what it could not check.
    """
    with Store.open(folder / "odd.db", create=True) as store:
        store.add_incidents([incident(1, suspects=(), attribution=Attribution())])

    listed, told = run("incidents", "--store", "odd.db").stdout, run("why", "--store", "odd.db").stdout

    assert "unknown" in listed
    assert "no commit could be suspected" in listed
    assert "No commit can be suspected" in told
    assert "no calls of this version known" in told


# --- the command line itself ------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(run, name):
    """
    One line in the list, and an example in its own help.
    """
    overview, told = run("--help").stdout, run(name, "--help").stdout

    assert any(
        line.strip().startswith(f"{name} ") and not line.endswith("...") for line in overview.splitlines()
    )
    assert "byline" in told


def test_the_version(run):
    """
    One line, and nothing else.
    """
    assert (0, f"byline {version('byline')}\n") == ((done := run("--version")).exit_code, done.stdout)


def test_a_command_is_imported_when_it_is_used(folder):
    """
    Asking for the version loads neither a command nor a library for one.
    """
    # A coverage run loads sqlite3 itself.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    script = (
        "import sys; from byline._cli.main import main; main(['--version'], standalone_mode=False);"
        "print(sorted(n for n in sys.modules if n.startswith('byline._cli.') or n in ('rich', 'sqlite3', 'git')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert "['byline._cli.main', 'byline._cli.output']" == done.stdout.splitlines()[-1]
    assert done.stdout.startswith("byline ")


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
    ids=["terminal", "NO_COLOR", "dumb"],
)
def test_colours_on_a_terminal(folder, environ, coloured):
    """
    A terminal gets colours, unless it or its user does not want them.
    """
    ours, theirs = pty.openpty()
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS")
    }
    with subprocess.Popen(
        [sys.executable, "-m", "byline", "why"], stdout=theirs, env=clean | environ
    ) as process:
        os.close(theirs)
        text = b""
        while chunk := read(ours):
            text += chunk
    os.close(ours)

    assert (0, coloured) == (process.returncode, b"\x1b[1;31m" in text)


def read(terminal):
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other end is closed
        return b""


def test_no_colours_in_a_pipe(folder):
    """
    A file gets text only, in whole lines.
    """
    done = byline("why")

    assert (0, False) == (done.returncode, b"\x1b" in done.stdout)


def test_a_terminal_without_unicode(folder):
    """
    What the encoding can't show is escaped.
    """
    done = byline("incidents", env={**os.environ, "PYTHONIOENCODING": "ascii"})

    assert (0, b"") == (done.returncode, done.stderr)
    assert b"\\xb7 claude" in done.stdout


@pytest.mark.parametrize(
    "words", [["incidents"], ["incidents", "--json"], ["report"], ["export"], ["--help"]], ids=" ".join
)
def test_a_reader_that_goes_away(folder, words):
    """
    ``byline incidents | head -0`` ends quietly, and is no failure.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "byline", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        errors = process.stderr.read()

    assert (0, b"") == (process.returncode, errors)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(run, shell):
    """
    Each shell gets its script.
    """
    done = run("completion", shell)

    assert (0, True) == (done.exit_code, "_BYLINE_COMPLETE" in done.stdout)


def complete(*words):
    done = byline(
        env={**os.environ, "_BYLINE_COMPLETE": "zsh_complete", "COMP_WORDS": " ".join(["byline", *words]),
             "COMP_CWORD": str(len(words))},
    )  # fmt: skip
    return done.stdout.decode().splitlines()


def test_commits_and_incidents_are_completed(folder):
    """
    The shell offers what is in the store, with what it is.
    """
    assert ["plain", "a1a1a1a1a1a1", "Add the mean (#7)"] == complete("incidents", "a1")
    assert "000000000ab3" in complete("why", "0000")
    assert ["file", "crash", "_"] == complete("why", "crash")
    assert "incidents" in complete("inc")
    (folder / ".byline" / "byline.db").unlink()
    assert ("", "file") == ("".join(complete("incidents", "a1")), complete("why", "0000")[0])


def test_the_module_runs_too(folder):
    """
    ``python -m byline`` is ``byline``.
    """
    assert byline("--help").stdout.startswith(b"Usage: byline [OPTIONS] COMMAND")
