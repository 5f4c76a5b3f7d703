"""``byline findings`` as people and programs use it."""

from __future__ import annotations

import json
import time
from inspect import signature

import pytest
from click.testing import CliRunner

from byline import _manifest
from byline._cli.main import main
from byline._manifest import FileRecord, Header, LineRun, blob_id
from byline._model import Attribution, Commit, Evidence, Finding, Suspect, Unverified
from byline.store import Store

OLD, NEW = "a1" * 20, "b2" * 20
NOW_NS = time.time_ns()
DAY_S = 86_400
HOSTILE = "\x1b]0;owned\x07 [bold red]no[/bold red]"


def finding(fingerprint, handling, *, commit=NEW, days=1, **fields):
    """What was swallowed a while ago, in a handler whose line is so many days old."""
    owner = Suspect(
        commit, "line of the handler", "cart.total", "cart.py", 9, 0, "ai", "high", "Ana", "claude", "Opus 5",
        "trailer", "Add the total (#7)", "7", NOW_NS // 10**9 - days * DAY_S,
    )  # fmt: skip
    values = {
        "id": fingerprint, "time_ns": NOW_NS, "handling": handling, "function": "cart.total", "error_type": "ValueError",
        "path": "cart.py", "line": 9, "handler": "except", "returned": "dict", "count": 3, "fingerprint": fingerprint,
        "attribution": Attribution("ai", "high", "ok", OLD, NEW, "Ana"), "owner": owner,
        "message": "no price", "stacktrace": "Traceback (most recent call last):\nValueError: no price\n",
        "pattern": "edge-case", "certainty": "medium", "trace_id": "7" * 32, "span_id": "5" * 16,
        "service": "shop", "revision": "e5" * 20,
    }  # fmt: skip
    return Finding(**{**values, **fields})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a store of findings of every handling, and a manifest that knows their commits."""
    for name in ("BYLINE_STORE", "BYLINE_MANIFEST", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with Store.open(tmp_path / ".byline" / "byline.db", create=True) as store:
        store.add(
            findings=[
                finding("f1f1f1f1f1f1", "silent"),
                finding("f2f2f2f2f2f2", "weak", line=20, count=7, returned="", handler="with", error_type="OSError"),
                finding("f3f3f3f3f3f3", "silent", commit=OLD, days=300, line=30),
                finding("f4f4f4f4f4f4", "logged", line=40, count=11, pattern="", certainty=""),
                finding("f5f5f5f5f5f5", "expected", line=50, count=13, time_ns=NOW_NS - 10 * DAY_S * 10**9),
                finding("f6f6f6f6f6f6", "silent", line=60, count=17, is_new=False),
            ],
            unverified=[Unverified("probes: cart.mean", "Python 3.11 has no sys.monitoring", "Python 3.12 or later")],
        )  # fmt: skip
    commits = {
        sha: Commit(sha, "Add the total (#7)", NOW_NS // 10**9 - days * DAY_S, "Ana", "Ana", "7")
        for sha, days in ((OLD, 300), (NEW, 1))
    }
    mark = Evidence("ai", "trailer", "claude", "medium")
    lines = (LineRun(1, OLD, mark), LineRun(2, NEW, mark))
    _manifest.write(
        tmp_path / ".byline" / "byline.manifest",
        Header("e5" * 20, "main"),
        [FileRecord("cart.py", "cart", blob_id(b"one\ntwo\n").hex(), (), lines)],
        commits,
    )
    return tmp_path


@pytest.fixture
def run(folder):
    """Type ``byline findings`` with more words; the answer has stdout, stderr and the exit status."""
    # Before click 8.2 the two streams came as one unless asked otherwise.
    apart = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}

    def type_in(*words):
        return CliRunner(**apart).invoke(main, ("findings", *words), prog_name="byline")

    return type_in


def lines_of(done):
    """The lines of the handlers that are told, in the order they come."""
    return [each["line"] for each in json.loads(done.stdout)["findings"]]


def test_what_somebody_should_look_at_comes_first(run):
    """
    The silent ones, then those told in passing: where, who wrote the line, how often, and what came instead.
    """
    done = run()

    assert (0, "") == (done.exit_code, done.stderr)
    expected = [
        "13 swallowed exceptions in 1 function",
        "cart.py:9  except in cart.total", "ValueError 3 times, told nobody, returned dict",
        "b2b2b2b2b2  Add the total (#7) · claude · Ana",
        "a sign of: edge-case (medium certainty)",
        "cart.py:30  except in cart.total",
        "cart.py:20  with in cart.total", "OSError 7 times, told in passing",
        "Not shown: 11 logged, 13 expected (byline findings --all)",
        "Not shown: 17 in handlers that were there before",
        "Not seen: cart.mean (Python 3.11 has no sys.monitoring)",
        "byline findings f1f1f1f1f1f1", "git show b2b2b2b2b2 -- cart.py",
    ]  # fmt: skip
    places = [done.stdout.find(each) for each in expected]
    assert -1 not in places, expected[places.index(-1)]
    assert sorted(places) == places


def test_findings_for_programs(run):
    """
    The keys of --json are a promise.
    """
    told = json.loads(run("--json").stdout)

    assert ["version", "since_s", "count", "findings", "others", "known", "unverified"] == [*told]
    assert (1, None, 13, {"logged": 11, "expected": 13}, 17) == (
        told["version"], told["since_s"], told["count"], told["others"], told["known"]
    )  # fmt: skip
    assert {
        "fingerprint", "handling", "function", "error_type", "path", "line", "handler", "returned", "count",
        "first_seen", "last_seen", "new", "commit", "subject", "author", "tool", "model", "change", "committed_at",
        "last_commit", "pattern", "certainty", "message", "stacktrace", "trace_id", "span_id", "service", "revision",
    } == set(told["findings"][0])  # fmt: skip
    assert ("f1f1f1f1f1f1", NEW, "no price", True) == tuple(
        told["findings"][0][each] for each in ("fingerprint", "commit", "message", "new")
    )
    assert ["cart.mean"] == [each["subject"] for each in told["unverified"]]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), [9, 30, 20]),
        (("--all",), [60, 9, 30, 20, 40, 50]),
        (("--all", "--since", "1d"), [60, 9, 30, 20, 40]),
        (("--new-since", "2 days"), [9, 20]),
        (("--new-since", NEW[:8]), []),
        (("--new-since", OLD), [9, 20]),
        (("f1f1f1f1f1f1",), [9]),
        (("f4f4f4f4f4f4",), [40]),
        ((OLD[:6],), [30]),
        ((NEW,), [60, 9, 20, 40, 50]),
        (("--store", ".byline/byline.db"), [9, 30, 20]),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_what_is_asked_for(run, words, expected):
    """
    By handling, by time, by the age of the handler's line, by the finding, by its commit.
    """
    days_ago = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 2 * DAY_S))
    done = run(*(days_ago if each == "2 days" else each for each in words), "--json")

    assert expected == lines_of(done)
    assert (0 if expected else 1) == done.exit_code


def test_one_finding_is_shown_whole(run):
    """
    With its message and where it came from.
    """
    done = run("f1f1f1f1f1f1")

    assert 0 == done.exit_code
    assert "  no price\n" in done.stdout
    assert "    ValueError: no price\n" in done.stdout


def test_the_store_may_come_from_the_environment(run, folder, monkeypatch):
    """
    BYLINE_STORE names another one.
    """
    with Store.open(folder / "other.db", create=True) as store:
        store.add(findings=[finding("f9f9f9f9f9f9", "silent", line=99)])
    monkeypatch.setenv("BYLINE_STORE", str(folder / "other.db"))

    assert [99] == lines_of(run("--json"))


def test_hostile_text_does_nothing(run, folder):
    """
    Control characters and markup of a message are shown, and not obeyed.
    """
    with Store.open(folder / "odd.db", create=True) as store:
        store.add(findings=[finding("f9f9f9f9f9f9", "silent", message=HOSTILE, function=HOSTILE, owner=None)])
    done = run("--store", "odd.db", "f9f9f9f9f9f9")

    assert 0 == done.exit_code
    assert "\x1b" not in done.stdout
    assert "[bold red]no[/bold red]" in done.stdout
    assert "no commit is known for this line" in done.stdout


@pytest.mark.parametrize("words", [(), ("--all",), ("--since", "2d")])
def test_an_empty_store(run, folder, words):
    """
    Has no silent failure: said in a sentence, and with status 1.
    """
    Store.open(folder / "empty.db", create=True).close()
    done = run("--store", "empty.db", *words)
    told = run("--store", "empty.db", *words, "--json")

    assert (1, "No silent failures.\n", "") == (done.exit_code, done.stdout, done.stderr)
    assert (1, 0, [], {}, 0) == (
        told.exit_code, *(json.loads(told.stdout)[each] for each in ("count", "findings", "others", "known"))
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("--since", "yesterday"), 2, "'yesterday' is not a duration"),
        (("--new-since", "soon"), 2, "'soon'"),
        (("--new-since", "c3c3c3c3"), 2, "'c3c3c3c3'"),
        (("--store", "nowhere.db"), 2, "nowhere.db"),
        (("--store", "."), 2, "it is a folder"),
        (("--store", "text.db"), 2, "text.db"),
        (("--everything",), 2, "--everything"),
        (("f1f1f1f1f1f1", "f2f2f2f2f2f2"), 2, "f2f2f2f2f2f2"),
        (("nothing",), 2, "'nothing' is neither a finding nor a commit with one"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_bad_input_is_one_sentence(run, folder, words, status, says):
    """
    What is wrong, on stderr; nothing on stdout, and no traceback.
    """
    (folder / "text.db").write_text("no database at all, but long enough to be taken for one\n" * 20)
    done = run(*words)

    assert (status, "") == (done.exit_code, done.stdout)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_no_store_at_all(run, folder):
    """
    Says how to record one.
    """
    (folder / ".byline" / "byline.db").unlink()
    done = run()

    assert 2 == done.exit_code
    assert "byline run your_program.py" in done.stderr


def test_a_commit_without_a_manifest(run, folder):
    """
    --new-since with a commit needs the manifest that dates it.
    """
    (folder / ".byline" / "byline.manifest").unlink()
    done = run("--new-since", OLD)

    assert 2 == done.exit_code
    assert "byline scan" in done.stderr


@pytest.mark.usefixtures("folder")
def test_findings_are_exported_with_their_pattern():
    """
    What a finding is a sign of goes along, as it does for incidents.
    """
    done = CliRunner().invoke(main, ["export", "--table", "findings", "--format", "json"])
    rows = [json.loads(line) for line in done.stdout.splitlines()]

    assert {"f1f1f1f1f1f1": ("edge-case", "medium"), "f4f4f4f4f4f4": ("", "")} == {
        each["fingerprint"]: (each["pattern"], each["certainty"])
        for each in rows
        if each["fingerprint"] in {"f1f1f1f1f1f1", "f4f4f4f4f4f4"}
    }
