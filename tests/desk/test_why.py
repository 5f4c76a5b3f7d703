"""One failure explained, from the store and from a traceback's text; and incidents by commit."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from byline import _manifest
from byline._desk.frames import facts_of
from byline._desk.incidents import report
from byline._desk.places import open_manifest, open_store
from byline._desk.traceback_text import TracebackFrame
from byline._desk.why import explain_incident, explain_traceback
from byline._manifest import FileRecord, FunctionRecord, Header, LineRun, Manifest, blob_id
from byline._model import Attribution, Commit, Evidence, Function, Incident, Suspect, Unverified
from byline._store import sketches
from byline.exceptions import ManifestError, NotFoundError, StoreError, UnknownCommitError
from byline.store import Calls, Store

SOURCE = """\
def mean(items):
    total = sum(items)
    return total / len(items)


def report(items):
    return f"{mean(items)}"
"""
CLAUDE, CODEX, START = "c1" * 20, "c0" * 20, "a0" * 20
NOW_NS = time.time_ns()


def mark(tool):
    return Evidence("ai", "trailer", tool, "medium", "m1")


@pytest.fixture
def shop(tmp_path):
    """A checkout with one file, and its manifest."""
    root = tmp_path / "shop"
    (root / "src").mkdir(parents=True)
    (root / "src" / "cart.py").write_text(SOURCE)
    functions = (
        FunctionRecord(
            Function("cart", "mean", "src/cart.py", 1, 1, 3),
            Attribution(
                "ai", "medium", "ok", CLAUDE, CLAUDE, "Ana", "claude", evidence="trailer", ai_lines=2, lines=3
            ),
        ),
        FunctionRecord(
            Function("cart", "report", "src/cart.py", 6, 6, 7),
            Attribution("ai", "medium", "ok", CODEX, CODEX),
        ),
    )
    runs = (
        LineRun(1, START),
        LineRun(2, CLAUDE, mark("claude")),
        LineRun(2, START),
        LineRun(2, CODEX, mark("codex")),
    )
    _manifest.write(
        root / ".byline" / "byline.manifest",
        Header("e" * 40, "main"),
        [FileRecord("src/cart.py", "cart", blob_id(SOURCE.encode()).hex(), functions, runs)],
        {
            CLAUDE: Commit(CLAUDE, "Add the mean", 1_700_000_000, "Ana", "Ana", "7"),
            CODEX: Commit(CODEX, "Add the report", 1_700_000_100, "Ben", "Ben"),
            START: Commit(START, "Start", 1_600_000_000, "Ana", "Ana"),
        },
    )
    return root


@pytest.fixture
def manifest(shop):
    return Manifest.open(shop / ".byline" / "byline.manifest")


def text(filename, *, line=3, name="mean", code="return total / len(items)"):
    return (
        "Traceback (most recent call last):\n"
        f'  File "{filename}", line 7, in report\n    return f"{{mean(items)}}"\n'
        f'  File "{filename}", line {line}, in {name}\n    {code}\n'
        "ZeroDivisionError: division by zero\n"
    )


# --- from a traceback -----------------------------------------------------------


def test_the_line_that_raised_names_the_commit(shop, manifest):
    """
    The commit of the raising line is the suspect, the caller's comes after it.
    """
    why = explain_traceback(text(shop / "src" / "cart.py"), manifest)

    assert [(CLAUDE, "Add the mean", 0), (CODEX, "Add the report", 1)] == [
        (each.commit, each.subject, each.distance) for each in why.incident.suspects
    ]
    assert ("src/cart.py", 3, "mean", "return total / len(items)") == (
        why.raising.path, why.raising.line, why.raising.function, why.raising.code
    )  # fmt: skip
    assert ("cart.mean", "ZeroDivisionError", ()) == (
        why.incident.function,
        why.incident.error_type,
        why.unverified,
    )


def test_a_traceback_from_another_machine_is_checked_by_its_lines(manifest):
    """
    The path is not here, but the checkout is: the line's own text vouches for it.
    """
    why = explain_traceback(text("/srv/app/src/cart.py"), manifest)

    assert ([CLAUDE, CODEX], ()) == ([each.commit for each in why.incident.suspects], why.unverified)


def test_without_the_checkout_the_doubt_is_said(shop, manifest):
    """
    When neither the file nor a copy is here, the answer stands with its doubt.
    """
    (shop / "src" / "cart.py").unlink()

    why = explain_traceback(text("/srv/app/src/cart.py"), manifest)

    assert [CLAUDE, CODEX] == [each.commit for each in why.incident.suspects]
    assert ["not on this machine, so it could not be compared with the scanned file"] == [
        each.reason for each in why.unverified
    ]


def test_a_file_that_changed_after_the_scan_is_said(shop, manifest):
    """
    The file is here, but it is not the scanned one.
    """
    (shop / "src" / "cart.py").write_text(SOURCE + "\n# a comment\n")

    why = explain_traceback(text(shop / "src" / "cart.py"), manifest)

    assert CLAUDE == why.incident.suspects[0].commit
    assert ["the file on this machine is not the one that was scanned"] == [
        each.reason.partition(" (")[0] for each in why.unverified
    ]


def test_a_line_that_reads_otherwise_is_not_blamed(shop, manifest):
    """
    A traceback of another version must not blame whoever owns the line number now.
    """
    why = explain_traceback(text(shop / "src" / "cart.py", code="return total // 2"), manifest)

    assert [CODEX] == [each.commit for each in why.incident.suspects]
    assert "line 3 of the scanned src/cart.py reads otherwise" in why.unverified[0].reason


def test_a_function_that_is_elsewhere_is_not_blamed(shop, manifest):
    """
    A function that the scanned file has at other lines tells of another version.
    """
    (shop / "src" / "cart.py").unlink()

    why = explain_traceback(text("/srv/src/cart.py", line=7, name="mean", code=""), manifest)

    assert "line 7 is not in mean in the scanned src/cart.py" in why.unverified[0].reason


@pytest.mark.parametrize(
    ("filename", "reason"),
    [
        ("<string>", "code without a file"),
        ("/usr/lib/python3.11/json/decoder.py", "outside the repository (a library)"),
        ("/venv/lib/python3.12/site-packages/src/cart.py", "outside the repository (a library)"),
        ("/srv/app/other.py", "not in the manifest: no AI touched this file, or it was not scanned"),
    ],
    ids=["eval", "stdlib", "installed", "unknown"],
)
def test_frames_outside_the_repository_say_so(filename, reason, manifest):
    """
    A frame that the manifest does not know is listed with the reason, not guessed.
    """
    why = explain_traceback(text(filename), manifest)

    assert ((), [reason]) == (why.incident.suspects, [each.reason for each in why.unverified])
    assert why.raising is None


def test_an_installed_package_is_known_by_its_module(manifest):
    """
    In site-packages the path says nothing of the repository; the module's name does.
    """
    (fact,) = facts_of([TracebackFrame("/venv/lib/python3.12/site-packages/cart.py", 3, "mean")], manifest)

    assert ("src/cart.py", CLAUDE) == (fact.path, fact.line_attribution.commit.sha)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_only_regular_files_are_opened(tmp_path, manifest):
    """
    A traceback may name anything; a pipe would block for ever, a device would never end.
    """
    os.mkfifo(tmp_path / "cart.py")

    facts = facts_of(
        [
            TracebackFrame(str(tmp_path / "cart.py"), 3, "mean"),
            TracebackFrame("/dev/zero", 1, "f"),
            TracebackFrame("a\0b", 1, "f"),
        ],
        manifest,
    )

    assert ["not in the manifest: no AI touched this file, or it was not scanned"] * 3 == [
        each.reason for each in facts
    ]


def test_recursion_adds_to_the_distance(manifest):
    """
    Repeated frames that were not printed count.
    """
    frames = [
        TracebackFrame("/srv/src/cart.py", 3, "mean", repeated=17),
        TracebackFrame("/srv/src/cart.py", 7, "report"),
    ]

    assert [0, 18] == [each.distance for each in facts_of(frames, manifest)]


def test_an_endless_traceback_is_cut(manifest):
    """
    The frames nearest to the failure are looked up, and no more than two thousand.
    """
    assert 2_000 == len(facts_of([TracebackFrame("/srv/src/cart.py", 3, "mean")] * 5_000, manifest))


def test_a_line_that_was_not_blamed_says_so(shop):
    """
    A line whose owner the scan did not look for, and a line beyond the file's end.
    """
    path = shop / "other.manifest"
    record = FileRecord("src/cart.py", "cart", blob_id(SOURCE.encode()).hex(), (), (LineRun(3),))
    _manifest.write(path, Header("e" * 40, "main"), [record], {})
    frames = [
        TracebackFrame(str(shop / "src" / "cart.py"), 3, "mean"),
        TracebackFrame("/srv/src/cart.py", 9, "mean"),
    ]

    first, second = facts_of(frames, Manifest.open(path))

    assert "the line is older than the scan looked (scan with --all)" == first.reason
    assert "another version of the file" in second.reason


def test_a_text_without_a_traceback_is_an_error(manifest):
    """
    The message shows what is looked for.
    """
    with pytest.raises(NotFoundError, match="No Python traceback"):
        explain_traceback("all is well\n", manifest)


def test_the_store_adds_numbers_to_a_traceback(shop, manifest, tmp_path):
    """
    Calls of the same version and failures at the same line are counted.
    """
    with Store.open(tmp_path / "byline.db", create=True) as store:
        store.add(
            incidents=[replace(incident(1), path="src/cart.py", line=3, error_type="ZeroDivisionError")],
            calls=[
                Calls("cart.mean", CLAUDE, CLAUDE, "", NOW_NS, sketches.of([0.1] * 3)),
                Calls("cart.mean", CLAUDE, CLAUDE, "ZeroDivisionError", NOW_NS, sketches.of([0.1])),
                Calls("cart.mean", CLAUDE, START, "", NOW_NS, sketches.of([0.1] * 90)),
            ],
        )
        why = explain_traceback(text(shop / "src" / "cart.py"), manifest, store=store)

    assert (4, 1, 0.25) == (why.numbers.calls, why.numbers.errors, why.numbers.error_rate)
    assert (1, f"{1:012x}") == (why.kind.incidents, why.kind.last_id)


# --- from the store ---------------------------------------------------------------


def incident(number, **fields):
    suspects = (
        Suspect(
            CLAUDE, "AI line that raised", "cart.mean", "src/cart.py", 3, 0, "ai", "medium", tool="claude"
        ),
        Suspect(
            CODEX,
            "AI line that was on the way",
            "cart.report",
            "src/cart.py",
            7,
            1,
            "ai",
            "medium",
            subject="Add",
        ),
    )
    values = {
        "id": f"{number:012x}", "time_ns": NOW_NS + number, "function": "cart.report", "error_type": "ZeroDivisionError",
        "message": "division by zero", "stacktrace": text("/srv/app/src/cart.py"), "path": "src/cart.py", "line": 3,
        "fingerprint": "f1", "attribution": Attribution("ai", commit=CODEX, last_commit=CODEX, lines=2, ai_lines=2),
        "suspects": suspects, "unverified": (Unverified("json", "outside the repository (a library)"),),
    }  # fmt: skip
    return Incident(**{**values, **fields})


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "byline.db", create=True) as opened:
        yield opened


def test_the_last_incident_is_the_default(store):
    """
    Without an id the newest failure is explained, with how often its kind came.
    """
    store.add_incidents([incident(1), incident(2, suppressed=4)])

    why = explain_incident(store)

    assert (f"{2:012x}", 6, 2) == (why.incident.id, why.kind.incidents, why.kind.recorded)
    assert [
        ("src/cart.py", 3, "cart.mean", CLAUDE, True),
        ("src/cart.py", 7, "cart.report", CODEX, True),
    ] == [(each.path, each.line, each.function, each.commit, each.is_ours) for each in why.places]


def test_the_manifest_adds_subjects(store, manifest):
    """
    A suspect that came without its commit's subject gets it; one that is unknown stays as it is.
    """
    store.add_incidents(
        [incident(1, suspects=(*incident(1).suspects, replace(incident(1).suspects[0], commit="f" * 40)))]
    )

    why = explain_incident(store, "000000000001", manifest=manifest)

    assert ["Add the mean", "Add", ""] == [each.subject for each in why.incident.suspects]


def test_the_numbers_are_those_of_the_running_version(store):
    """
    Calls of an older version of the function do not count; cancelled calls are no errors.
    """
    store.add(
        incidents=[incident(1)],
        calls=[
            Calls("cart.report", CODEX, CODEX, "", NOW_NS, sketches.of([0.1] * 7)),
            Calls("cart.report", CODEX, CODEX, "KeyError", NOW_NS, sketches.of([0.2] * 2)),
            Calls("cart.report", CODEX, CODEX, "cancelled", NOW_NS, sketches.of([0.3])),
            Calls("cart.report", CODEX, START, "", NOW_NS, sketches.of([9.0] * 100)),
        ],
    )

    numbers = explain_incident(store).numbers

    assert (10, 2, 1, 0.2, True) == (
        numbers.calls,
        numbers.errors,
        numbers.cancelled,
        numbers.error_rate,
        numbers.exact,
    )
    assert 0.3 == numbers.p95_s


def test_library_frames_are_told_apart(store):
    """
    A frame below the repository's folder is ours, one of an installed package there is not.
    """
    stack = (
        "Traceback (most recent call last):\n"
        '  File "/srv/app/main.py", line 1, in <module>\n'
        '  File "/srv/app/src/cart.py", line 3, in mean\n'
        '  File "/srv/app/.venv/lib/python3.12/site-packages/lib.py", line 9, in go\n'
        "KeyError: 1\n"
    )
    store.add_incidents([incident(1, stacktrace=stack)])

    why = explain_incident(store)

    assert [False, True, True] == [each.is_ours for each in why.places]
    assert ("src/cart.py", 3) == (why.raising.path, why.raising.line)


def test_the_scanned_file_lends_its_code(shop, store, manifest):
    """
    A stored stack has no source text: the line is read from the scanned file, or not shown.
    """
    stack = text("src/cart.py", code="").replace('    return f"{mean(items)}"\n', "")
    store.add_incidents([incident(1, stacktrace=stack)])

    assert "return total / len(items)" == explain_incident(store, manifest=manifest).raising.code
    (shop / "src" / "cart.py").write_text("changed\n")
    assert "" == explain_incident(store, manifest=manifest).raising.code


def test_a_failure_never_seen_has_no_number_of_times(shop, store, manifest):
    """
    A traceback of a failure that the store does not know.
    """
    assert explain_traceback(text(shop / "src" / "cart.py"), manifest, store=store).kind is None


def test_a_stack_that_was_cut_still_has_its_place(store):
    """
    The raising line is known even when the stored text does not show it.
    """
    store.add_incidents([incident(1, stacktrace="Traceback …")])

    why = explain_incident(store)

    assert [("src/cart.py", 3, CLAUDE)] == [(each.path, each.line, each.commit) for each in why.places]


def test_no_incident_at_all_is_said(store):
    """
    An empty store is good news, and nothing to explain.
    """
    with pytest.raises(NotFoundError, match="No incident is recorded"):
        explain_incident(store)


# --- by commit ----------------------------------------------------------------------


def test_incidents_by_commit(store):
    """
    Each commit shows its functions with their P95, its kinds and its exceptions.
    """
    store.add(
        incidents=[
            incident(1),
            incident(2, fingerprint="f2", error_type="KeyError"),
            incident(3, suspects=()),
        ],
        calls=[Calls("cart.report", CODEX, CODEX, "", NOW_NS, sketches.of([0.5]))],
    )

    found = report(store)
    by_sha = {each.commit: each for each in found.commits}

    assert (3, {CLAUDE, ""}, ()) == (found.incidents, set(by_sha), found.unverified)
    assert (2, {"ZeroDivisionError", "KeyError"}, 0.5) == (
        by_sha[CLAUDE].incidents, set(by_sha[CLAUDE].error_types), by_sha[CLAUDE].p95_s
    )  # fmt: skip
    assert ["f2", "f1"] == [each.fingerprint for each in by_sha[CLAUDE].kinds]


def test_a_window_and_a_commit_narrow_the_report(store):
    """
    What is older or of another commit is left out; a commit without incidents is an empty report.
    """
    store.add_incidents([incident(1), incident(2, time_ns=NOW_NS - 3_600_000_000_000)])
    store.add_latency([Calls("cart.report", CODEX, CODEX, "", NOW_NS, sketches.of([0.5]))])

    assert 1 == report(store, since=timedelta(minutes=45)).incidents
    assert 2 == report(store, commit="C1C1").incidents
    assert () == report(store, commit="c0c0").commits
    with pytest.raises(UnknownCommitError):
        report(store, commit="ffff")


def test_what_was_thinned_is_said(tmp_path):
    """
    An answer from a store that had to forget says so.
    """
    with Store.open(tmp_path / "byline.db", create=True, max_age=timedelta(hours=1)) as store:
        store.add_incidents([incident(1, time_ns=NOW_NS - 7_200_000_000_000), incident(2)])

        assert ["incidents removed"] == [each.subject for each in report(store).unverified]
        assert "incidents removed" in [each.subject for each in explain_incident(store).unverified]


# --- places -------------------------------------------------------------------------


def test_the_store_is_found_upward_to_the_root_of_the_repository(tmp_path, monkeypatch):
    """
    A folder deep in the repository finds the store at its top; another repository's is not used.
    """
    monkeypatch.delenv("BYLINE_STORE", raising=False)
    Store.open(tmp_path / ".byline" / "byline.db", create=True).close()
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "other" / ".git").mkdir(parents=True)
    # Without a repository the search ends at the top.
    top = Path(tmp_path.anchor)

    with open_store(None, start=deep) as store:
        assert tmp_path.resolve() / ".byline" / "byline.db" == store.path
    with pytest.raises(StoreError, match="here or above"):
        open_store(None, start=tmp_path / "other")
    with pytest.raises(StoreError, match="here or above"):
        open_store(None, start=top)


def test_an_argument_outranks_the_environment(tmp_path, monkeypatch):
    """
    --store, then BYLINE_STORE, then the search.
    """
    for name in ("one.db", "two.db"):
        Store.open(tmp_path / name, create=True).close()
    monkeypatch.setenv("BYLINE_STORE", str(tmp_path / "one.db"))

    with open_store(None, start=tmp_path) as first, open_store(tmp_path / "two.db", start=tmp_path) as second:
        assert ("one.db", "two.db") == (first.path.name, second.path.name)


def test_no_manifest_says_how_to_make_one(tmp_path, monkeypatch):
    """
    A traceback needs a manifest.
    """
    monkeypatch.delenv("BYLINE_MANIFEST", raising=False)
    (tmp_path / ".git").mkdir()

    with pytest.raises(ManifestError, match="byline scan"):
        open_manifest(None, start=tmp_path)
