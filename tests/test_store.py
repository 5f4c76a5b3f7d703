"""The store: what is written is read, many processes, crashes, bounds, and every way a file can be wrong."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from byline._model import Attribution, Incident, Suspect, Unverified
from byline._store import errors, sketches, upkeep
from byline._store.schema import SCHEMA
from byline.exceptions import NotFoundError, StoreError, UnknownCommitError
from byline.store import Calls, FunctionSeen, Store

A, B, C = "a1" * 20, "a2" * 20, "b3" * 20
NOW_NS = time.time_ns()
HOUR_NS = 3_600_000_000_000


def incident(number=0, *, commit=A, time_ns=NOW_NS, suppressed=0, message="no sku", **fields):
    suspect = Suspect(
        commit, "AI line that raised", "shop.cart.total", "shop/cart.py", 7, 0, "ai", "high", subject="Add"
    )
    values = {
        "id": f"{number:012x}", "time_ns": time_ns, "function": "shop.cart.total", "error_type": "KeyError",
        "message": message, "stacktrace": "Traceback …", "path": "shop/cart.py", "line": 7, "fingerprint": "f1",
        "attribution": Attribution("ai", "high", "ok", commit, C, "Ada", lines=9, ai_lines=7),
        "suspects": (suspect,), "unverified": (Unverified("json", "a library"),), "suppressed": suppressed,
    }  # fmt: skip
    return Incident(**{**values, **fields})


def calls(  # noqa: PLR0913  # each has a default
    *values, function="shop.cart.total", error_type="", time_ns=NOW_NS, process="one", commit=A, exact=True
):
    return Calls(
        function, commit, C, error_type, time_ns, sketches.of(values), process, "shop", "9" * 40, exact
    )


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "byline.db", create=True) as opened:
        yield opened


# --- what is written is read ---------------------------------------------------


def test_an_incident_comes_back(store):
    """
    Everything an incident holds is in the store.
    """
    store.add_incidents([incident()])

    assert (incident(),) == store.incidents()


def test_the_same_incident_is_stored_once(store):
    """
    A batch that is sent again, after a doubtful answer, changes nothing.
    """
    store.add_incidents([incident(1)])
    store.add_incidents([incident(1), incident(2)])

    assert 2 == store.count_incidents()


def test_incidents_are_filtered_and_newest_first(store):
    """
    Commit prefix, function, moment and number each narrow the answer.
    """
    old = incident(1, time_ns=NOW_NS - 3 * HOUR_NS)
    other = incident(2, commit=B, function="shop.web.checkout")
    store.add_incidents([old, other, incident(3, time_ns=NOW_NS + 1)])

    def numbers(**wanted):
        return [int(each.id, 16) for each in store.incidents(**wanted)]

    assert [3, 2, 1] == numbers()
    assert [3, 1] == numbers(commit="A1A1")
    assert [3, 2] == numbers(since=timedelta(hours=1))
    assert [1] == numbers(until=datetime.fromtimestamp(NOW_NS / 1e9, UTC) - timedelta(hours=1))
    assert [2] == numbers(function="shop.web.checkout")
    assert [3] == numbers(limit=1)


def test_an_incident_is_found_by_the_start_of_its_id(store):
    """
    A prefix will do, an ambiguous one names the candidates, an unknown one says how to list them.
    """
    store.add_incidents([incident(0xAB), incident(0xAC), incident(0xB0)])

    assert incident(0xB0) == store.incident("0000000000b")
    with pytest.raises(NotFoundError, match="0000000000ab, 0000000000ac"):
        store.incident("0000000000a")
    with pytest.raises(NotFoundError, match="byline incidents"):
        store.incident("f")


def test_incidents_are_counted_by_commit(store):
    """
    Those that the rate limit held back count, and the commit's facts are its suspect's.
    """
    store.add_incidents(
        [incident(1, suppressed=5), incident(2, commit=B, error_type="ValueError"), incident(3, commit=B)]
    )

    first, second = sorted(store.by_commit(), key=lambda each: each.commit)

    assert (A, 6, 1, ("shop.cart.total",), ("KeyError",)) == (
        first.commit, first.incidents, first.recorded, first.functions, first.error_types
    )  # fmt: skip
    assert (B, 2, 2, {"KeyError", "ValueError"}) == (
        second.commit, second.incidents, second.recorded, set(second.error_types)
    )  # fmt: skip
    assert "Add" == first.suspect.subject


def test_an_incident_without_a_suspect_is_counted_too(store):
    """
    What no commit can be suspected of is not left out.
    """
    store.add_incidents([incident(1, suspects=())])

    assert [("", 1, None)] == [(each.commit, each.incidents, each.suspect) for each in store.by_commit()]


def test_incidents_are_grouped_by_fingerprint(store):
    """
    A kind of incident shows its newest one.
    """
    store.add_incidents([
        incident(1, time_ns=NOW_NS - 5, message="first"), incident(2, message="last", suppressed=3),
        incident(3, fingerprint="f2", line=9, time_ns=NOW_NS - 9),
    ])  # fmt: skip

    newest, other = store.kinds()

    assert ("f1", 5, 2, "last", f"{2:012x}") == (
        newest.fingerprint, newest.incidents, newest.recorded, newest.message, newest.last_id
    )  # fmt: skip
    assert "f2" == other.fingerprint
    assert (other,) == store.kinds(path="shop/cart.py", line=9, error_type="KeyError")


def test_latency_is_merged_exactly_over_processes_and_minutes(store):
    """
    The sketch of a function is the sketch of all its calls, whoever wrote them and when.
    """
    store.add_latency([calls(0.1, 0.2), calls(0.3, process="two")])
    store.add_latency([calls(0.4), calls(0.5, time_ns=NOW_NS - HOUR_NS), calls(9.0, error_type="KeyError")])

    fine, failed = store.latency(function="shop.cart.total")

    assert sketches.of([0.1, 0.2, 0.3, 0.4, 0.5]).buckets == fine.sketch.buckets
    assert ("", 5, "KeyError", 1) == (
        fine.error_type,
        fine.sketch.count,
        failed.error_type,
        failed.sketch.count,
    )
    assert 4 == store.latency(since=timedelta(minutes=45))[0].sketch.count
    assert 2 == len(store.latency(last_commit="b3b3"))
    assert () == store.latency(function="nobody")


def test_an_estimate_stays_known_as_one(store):
    """
    One part from explicit buckets makes the whole an estimate.
    """
    store.add_latency([calls(0.1), calls(0.2, exact=False)])

    assert [False] == [each.exact for each in store.latency()]


def test_a_function_is_seen_once_per_version(store):
    """
    The first and the last time a version was seen are kept.
    """
    seen = FunctionSeen("shop.cart.total", A, C, tool="claude", first_seen_ns=NOW_NS, last_seen_ns=NOW_NS)
    later = FunctionSeen(
        "shop.cart.total", A, C, tool="claude", first_seen_ns=NOW_NS + HOUR_NS, last_seen_ns=NOW_NS + HOUR_NS
    )
    store.add_functions([seen, later, FunctionSeen("shop.cart.total", A, B, last_seen_ns=NOW_NS)])

    found = store.functions(function="shop.cart.total")

    assert [(C, NOW_NS, NOW_NS + HOUR_NS), (B, NOW_NS, NOW_NS)] == [
        (each.last_commit, each.first_seen_ns, each.last_seen_ns) for each in found
    ]
    assert found == store.functions(commit=A[:8])


def test_what_a_program_could_not_tell_is_kept_for_a_day(store):
    """
    The desk can say what the run room saw, with its cure.
    """
    note = Unverified("shop.models", "imported before byline", "use byline run")
    store.add_unverified([note, note])

    assert (note,) == store.unverified()
    assert () == store.unverified(since=datetime.fromtimestamp(NOW_NS / 1e9 + 3_600, UTC))


def test_text_that_is_no_unicode_is_escaped(store):
    """
    A lone surrogate, from a file name, does not stop the batch.
    """
    store.add_incidents([incident(1, message="\udcff\0")])

    assert "\\udcff\0" == store.incidents()[0].message


def test_all_or_nothing(store):
    """
    When one row cannot be written, none is.
    """
    with pytest.raises(OverflowError):
        store.add(incidents=[incident(1), incident(2, line=2**70)])

    assert 0 == store.count_incidents()


# --- commits --------------------------------------------------------------------


def test_a_commit_prefix_will_do(store):
    """
    Four digits are enough, in any case, from incidents, latency and functions alike.
    """
    store.add(
        incidents=[incident(1)],
        calls=[calls(0.1, commit=B)],
        functions=[FunctionSeen("f", "c" * 40, "d" * 40)],
    )

    assert (A, B, C, "c" * 40, "d" * 40) == store.commits()
    assert [A, B, "c" * 40, "d" * 40] == [store.commit(prefix) for prefix in ("A1a1", "a2a2", "cccc", "dddd")]


@pytest.mark.parametrize(
    ("prefix", "says"),
    [
        ("a1", "4 hexadecimal digits"),
        ("main", "4 hexadecimal digits"),
        ("ffff", f"knows 3 commits: {A[:12]}"),
    ],
    ids=["short", "no sha", "unknown"],
)
def test_a_prefix_that_names_nothing_is_a_clear_error(store, prefix, says):
    """
    The message names what would have been right.
    """
    store.add(incidents=[incident(1)], calls=[calls(0.1, commit=B)])

    with pytest.raises(UnknownCommitError, match=says):
        store.commit(prefix)


def test_an_ambiguous_prefix_names_the_candidates(store):
    """
    Two commits that start alike need more digits.
    """
    twin = "a1a1" + "0" * 36
    store.add_incidents([incident(1), incident(2, commit=twin)])

    with pytest.raises(UnknownCommitError, match=f"2 commits: {twin[:12]}, {A[:12]}"):
        store.incidents(commit="a1a1")


# --- processes, crashes, forks ---------------------------------------------------

WRITER = """
import sys, time
from byline._model import Attribution, Incident
from byline.store import Store
name, path, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = Store.open(path, create=True, timeout_s=30)
for each in range(number):
    identity = f"{name}-{each}"
    store.add_incidents([Incident(identity, time.time_ns(), "f", "E", "", "", "", 1, "f", Attribution())])
    print(identity, flush=True)
"""


def start(script, *arguments, prefix=()):
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def test_four_processes_lose_no_row_even_when_killed(tmp_path):
    """
    Every row whose commit a process saw is there, also those of processes that were killed.
    """
    path = tmp_path / "new" / "byline.db"
    endless = [start(WRITER, name, path, 1_000_000) for name in ("killed-1", "killed-2")]
    finite = [start(WRITER, name, path, 40) for name in ("one", "two")]
    reported = [line.strip() for each in finite for line in each.communicate(timeout=60)[0].splitlines()]
    for each in endless:
        each.send_signal(signal.SIGKILL)
        reported += [
            line.strip() for line in each.communicate()[0].splitlines() if line.endswith(tuple("0123456789"))
        ]

    with Store.open(path, read_only=True) as store:
        stored = {each.id for each in store.incidents()}

    assert 80 == sum(each.startswith(("one", "two")) for each in reported)
    assert set() == set(reported) - stored
    assert "ok" == sqlite_value(path, "PRAGMA integrity_check")


FORKER = """
import os, sys, threading, time
from byline._model import Attribution, Incident
from byline.store import Store
def incident(name):
    return Incident(name, time.time_ns(), "f", "E", "", "", "", 1, "f", Attribution())
store = Store.open(sys.argv[1], create=True)
store.add_incidents([incident("before")])
going = True
def write():
    number = 0
    while going:
        store.add_incidents([incident(f"thread-{number}")])
        number += 1
thread = threading.Thread(target=write)
thread.start()
children = []
for number in range(5):
    child = os.fork()
    if not child:
        store.add_incidents([incident(f"child-{number}")])
        os._exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
store.add_incidents([incident("after")])
going = False
thread.join()
store.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_each_process_after_a_fork_writes_through_its_own_connection(tmp_path):
    """
    Parent and children write after forks in the middle of another thread's writes, and nothing is lost.
    """
    path = tmp_path / "byline.db"
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKER, str(path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (0, "") == (done.returncode, done.stderr)

    with Store.open(path, read_only=True) as store:
        stored = {each.id for each in store.incidents()}

    assert {"before", "after", *(f"child-{number}" for number in range(5))} <= stored
    assert "ok" == sqlite_value(path, "PRAGMA integrity_check")


SLOW_WRITER = """
import os, sys, threading, time
from byline._model import Attribution, Incident
from byline.store import Store
store = Store.open(sys.argv[1], create=True)
busy, done = threading.Event(), threading.Event()
def hold():
    with store._file.opened():
        busy.set()
        done.wait()
thread = threading.Thread(target=hold)
thread.start()
busy.wait()
child = os.fork()
if not child:
    store.add_incidents([Incident("child", time.time_ns(), "f", "E", "", "", "", 1, "f", Attribution())])
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
done.set()
thread.join()
print(store.count_incidents())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_does_not_wait_for_ever(tmp_path):
    """
    When another thread holds the store, the fork goes on after a moment, and the child still writes.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SLOW_WRITER, str(tmp_path / "byline.db")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (0, "1\n", "") == (done.returncode, done.stdout, done.stderr)


def test_processes_that_make_the_store_at_once_agree(tmp_path):
    """
    Whoever comes first makes the schema, the others use it.
    """
    path = tmp_path / "byline.db"
    processes = [start(WRITER, f"p{number}", path, 1) for number in range(6)]
    answers = [each.communicate(timeout=60) for each in processes]

    assert [(f"p{number}-0\n", "") for number in range(6)] == answers
    assert 6 == sqlite_value(path, "SELECT COUNT(*) FROM incident")


def test_threads_share_a_store(store):
    """
    Eight threads write at once through one object.
    """

    def write(first):
        for number in range(first, first + 10):
            store.add(incidents=[incident(number)], calls=[calls(0.1)])

    threads = [threading.Thread(target=write, args=(first,)) for first in range(0, 80, 10)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert (80, 80) == (store.count_incidents(), store.latency()[0].sketch.count)


def test_a_deleted_file_is_made_again(store):
    """
    Rows are not written into a file that nobody can find any more.
    """
    store.add_incidents([incident(1)])
    for each in store.path.parent.iterdir():
        each.unlink()

    store.add_incidents([incident(2)])

    with Store.open(store.path, read_only=True) as other:
        assert 1 == other.count_incidents()


def test_closing_twice_and_using_after(store):
    """
    A closed store opens again when it is used.
    """
    store.add_incidents([incident(1)])
    store.close()
    store.close()

    assert 1 == store.count_incidents()


# --- bounds -----------------------------------------------------------------------


def test_the_oldest_incidents_go_first_when_the_size_is_reached(tmp_path):
    """
    The file stays within its bound, the newest rows stay, and the loss is written down.
    """
    bound = 1_000_000
    with Store.open(tmp_path / "byline.db", create=True, max_bytes=bound) as store:
        for number in range(0, 3_000, 100):
            store.add_incidents([
                incident(each, time_ns=NOW_NS - 10**9 * (3_000 - each), message="m" * 1_000)
                for each in range(number, number + 100)
            ])  # fmt: skip
        kept = [int(each.id, 16) for each in store.incidents()]
        thinned = {each.what: each for each in store.thinned()}

    removed = thinned[upkeep.INCIDENTS_REMOVED]
    assert list(range(2_999, 2_999 - len(kept), -1)) == kept
    assert 3_000 == len(kept) + removed.rows
    assert removed.until_ns <= NOW_NS - 10**9 * len(kept)
    assert (tmp_path / "byline.db").stat().st_size <= bound * 1.3


def test_resolution_goes_before_anything_is_lost(tmp_path):
    """
    Minutes that are in quarter hours go first, and quarter hours that are in days: every call stays.
    """
    start_ns = NOW_NS - 96 * HOUR_NS
    rows = [
        calls(0.001 * (number % 7 + 1), function=f"f{function}", time_ns=start_ns + number * 5 * 60 * 10**9, process=process)
        for number in range(480) for function in range(4) for process in ("one", "two")
    ]  # fmt: skip
    with Store.open(tmp_path / "byline.db", create=True) as store:
        store.add_latency(rows)
        before = store.latency()
        store._max_bytes = 225_000
        for number in range(5):
            store.add_incidents([incident(number)])
        after = store.latency()
        thinned = [each.what for each in store.thinned()]

    assert [upkeep.BY_THE_DAY, upkeep.BY_THE_QUARTER] == thinned
    assert [(each.function, each.sketch.buckets, each.sketch.count) for each in before] == [
        (each.function, each.sketch.buckets, each.sketch.count) for each in after
    ]


def test_latency_goes_when_sums_are_not_enough(tmp_path):
    """
    When less resolution does not help any more, the oldest calls are removed.
    """
    rows = [
        calls(0.001, function=f"f{number}", time_ns=NOW_NS - hour * HOUR_NS)
        for hour in range(3, 603, 6)
        for number in range(60)
    ]
    with Store.open(tmp_path / "byline.db", create=True, max_bytes=310_000) as store:
        store.add_latency(rows)
        for number in range(20):
            store.add_incidents([incident(number)])
        oldest = min(each.first_ns for each in store.latency())
        thinned = {each.what for each in store.thinned()}

    assert {upkeep.BY_THE_QUARTER, upkeep.BY_THE_DAY, upkeep.LATENCY_REMOVED} == thinned
    assert NOW_NS - 603 * HOUR_NS < oldest < NOW_NS - 24 * HOUR_NS


def test_what_is_too_old_is_removed(tmp_path):
    """
    Incidents, latency and functions older than the bound of age go, and it is written down.
    """
    old = NOW_NS - 48 * HOUR_NS
    with Store.open(tmp_path / "byline.db", create=True, max_age=timedelta(days=1)) as store:
        store.add(
            incidents=[incident(1, time_ns=old), incident(2)],
            calls=[calls(0.1, time_ns=old), calls(0.2)],
            functions=[
                FunctionSeen("old", A, C, last_seen_ns=old),
                FunctionSeen("new", A, C, last_seen_ns=NOW_NS),
            ],
        )
        found = (
            store.count_incidents(),
            store.latency()[0].sketch.count,
            [each.function for each in store.functions()],
        )
        thinned = {each.what: each.rows for each in store.thinned()}

    assert (1, 1, ["new"]) == found
    assert {upkeep.INCIDENTS_REMOVED: 1, upkeep.LATENCY_REMOVED: 1} == thinned


def test_thinning_goes_on_with_the_next_write(tmp_path, monkeypatch):
    """
    One write does not have to make all the room: no other writer waits long.
    """
    monkeypatch.setattr(upkeep, "BATCH", 10)
    monkeypatch.setattr(upkeep, "ROUNDS", 1)
    old = [incident(number, time_ns=NOW_NS - 48 * HOUR_NS, message="m" * 1_000) for number in range(300)]
    with Store.open(
        tmp_path / "byline.db", create=True, max_bytes=190_000, max_age=timedelta(days=1)
    ) as store:
        store.add_incidents(old)
        first = store.count_incidents()
        store.add_incidents([incident(1_000)])
        second = store.count_incidents()

    assert (280, 271) == (first, second)


# --- a file that is wrong -----------------------------------------------------------


def test_a_missing_store_says_how_to_make_one(tmp_path):
    """
    Reading makes no file.
    """
    with pytest.raises(StoreError, match=r"no store at .*byline run"):
        Store.open(tmp_path / "byline.db")

    assert [] == list(tmp_path.iterdir())


def test_a_new_folder_is_hidden_from_git(tmp_path):
    """
    The default folder is made with an ignore file; another folder is left alone.
    """
    Store.open(tmp_path / ".byline" / "byline.db", create=True).close()
    Store.open(tmp_path / "other" / "byline.db", create=True).close()

    assert "*\n" == (tmp_path / ".byline" / ".gitignore").read_text()
    assert ["byline.db"] == [each.name for each in (tmp_path / "other").iterdir()]


def test_an_ignore_file_that_cannot_be_written_is_no_reason_to_fail(tmp_path):
    """
    The store is what was asked for.
    """
    (tmp_path / ".byline").mkdir()
    (tmp_path / ".byline" / ".gitignore").symlink_to("nowhere/at/all")

    Store.open(tmp_path / ".byline" / "byline.db", create=True).close()

    assert (tmp_path / ".byline" / "byline.db").is_file()


def test_a_store_locked_for_too_long_is_a_clear_error(store):
    """
    A writer waits for another one, but not for ever; nothing is written in halves.
    """
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with (
            Store.open(store.path, timeout_s=0.2) as waiting,
            pytest.raises(StoreError, match=r"locked .* 0\.2 s"),
        ):
            waiting.add_incidents([incident(1)])
    finally:
        other.execute("ROLLBACK")
        other.close()

    assert 0 == store.count_incidents()


def test_a_writer_does_not_stop_readers(store):
    """
    Questions are answered while someone writes.
    """
    store.add_incidents([incident(1)])
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with Store.open(store.path, read_only=True, timeout_s=0.1) as reader:
        assert 1 == reader.count_incidents()
    other.close()


def test_a_short_lock_is_waited_for(store):
    """
    A lock that goes away in time is no error.
    """
    other = sqlite3.connect(store.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    release.start()

    store.add_incidents([incident(1)])

    release.join()
    other.close()
    assert 1 == store.count_incidents()


@pytest.mark.parametrize(
    "content", [b"not a database " * 300, b"SQLite format 3\0" + b"\xff" * 4_000], ids=["text", "header"]
)
def test_what_is_no_database_is_a_clear_error(tmp_path, content):
    """
    The file is named, kept as it is, and the cure is said.
    """
    path = tmp_path / "byline.db"
    path.write_bytes(content)

    for options in ({"create": True}, {"read_only": True}, {}):
        with pytest.raises(StoreError, match=r"damaged, or is not a byline store .* Move it away"):
            Store.open(path, **options)
    assert content == path.read_bytes()


def test_a_damaged_page_is_a_clear_error(store):
    """
    Damage inside the file shows as one sentence, not as SQLite's exception.
    """
    store.add_incidents([incident(number, message="m" * 500) for number in range(200)])
    store.close()
    data = bytearray(store.path.read_bytes())
    data[3 * 4096 :] = b"\xff" * (len(data) - 3 * 4096)
    store.path.write_bytes(data)

    with pytest.raises(StoreError, match="damaged"):
        store.incidents()


def test_a_damaged_value_is_a_clear_error(store):
    """
    JSON that someone edited is damage, too.
    """
    store.add_incidents([incident(1)])
    with sqlite3.connect(store.path) as other:
        other.execute("UPDATE failure SET suspects = '[{'")
    other.close()

    with pytest.raises(StoreError, match="damaged"):
        store.incidents()


def test_someone_else_s_database_is_left_alone(tmp_path):
    """
    Another SQLite file is refused and not written to.
    """
    path = tmp_path / "notes.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE note (text TEXT)")
    other.close()

    with pytest.raises(StoreError, match="not a byline store"):
        Store.open(path, create=True)
    assert 1 == sqlite_value(path, "SELECT COUNT(*) FROM sqlite_master")


def test_an_empty_file_says_so_to_a_reader_and_serves_a_writer(tmp_path):
    """
    A file of no bytes is a store to be.
    """
    path = tmp_path / "byline.db"
    path.touch()

    with pytest.raises(StoreError, match="nothing has been recorded"):
        Store.open(path, read_only=True)
    with Store.open(path, create=True) as store:
        assert 0 == store.count_incidents()


def test_a_new_store_waits_for_who_holds_the_empty_file(tmp_path):
    """
    Setting the file up needs it alone: it is waited for, up to the timeout.
    """
    path = tmp_path / "byline.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE unfinished (number)")

    with pytest.raises(StoreError, match="locked"):
        Store.open(path, create=True, timeout_s=0)
    release = threading.Timer(0.2, lambda: other.execute("ROLLBACK"))
    release.start()
    Store.open(path, create=True, timeout_s=5).close()
    release.join()
    other.close()

    with Store.open(path, read_only=True) as store:
        assert 0 == store.count_incidents()


@pytest.mark.parametrize(
    ("code", "says"),
    [(10, "The disk failed under"), (778, "The disk failed under"), (1, "cannot be used: why")],
    ids=["i/o", "i/o on write", "other"],
)
def test_rare_errors_are_sentences_too(tmp_path, code, says):
    """
    An error that cannot be provoked here is named with SQLite's own words.
    """
    assert says in errors.sentence(code, tmp_path, timeout_s=1, detail="why")


def test_a_newer_schema_is_refused(store):
    """
    A store of a newer byline is not guessed at.
    """
    store.close()
    with sqlite3.connect(store.path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()

    with pytest.raises(StoreError, match=r"schema 99; this byline knows schema 4\. Upgrade"):
        Store.open(store.path)


def test_an_older_schema_is_refused(store):
    """
    A store in a form that was never released is not guessed at either.
    """
    store.close()
    with sqlite3.connect(store.path) as other:
        other.execute("PRAGMA user_version = 1")
    other.close()

    with pytest.raises(StoreError, match=r"schema 1\b.*Move it away"):
        Store.open(store.path)


def test_a_full_disk_is_a_clear_error_and_loses_nothing_written(store):
    """
    What was written stays readable, and writing goes on once there is room.
    """
    store.add_incidents([incident(1)])
    with store._file.opened() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 4}")

    with pytest.raises(StoreError, match=r"disk is full: .* cannot grow"):
        store.add_incidents([incident(number, message="m" * 2_000) for number in range(2, 200)])
    assert 1 == store.count_incidents()

    with store._file.opened() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    store.add_incidents([incident(2)])
    assert 2 == store.count_incidents()


def test_a_folder_in_the_way_is_a_clear_error(tmp_path):
    """
    A folder where the file should be, and a file where the folder should be.
    """
    (tmp_path / "byline.db").mkdir()
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="it is a folder"):
        Store.open(tmp_path / "byline.db", create=True)
    with pytest.raises(StoreError, match="its folder cannot be made"):
        Store.open(tmp_path / "file" / "byline.db", create=True)


READER = """
import sys
from byline.exceptions import StoreError
from byline.store import Store
try:
    with Store.open(sys.argv[1], create=sys.argv[2] == "write", read_only=sys.argv[2] == "read") as store:
        print(store.count_incidents())
except StoreError as error:
    print(error)
"""


def unprivileged():
    """Return what a command needs before it, so that file permissions hold for root, too."""
    if os.geteuid():
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("file permissions do not hold for root, and setpriv is not here")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search,-fowner"]


@pytest.fixture
def read_only(store):
    """A store in a folder that cannot be written."""
    store.add_incidents([incident(1)])
    store.close()
    store.path.chmod(0o444)
    store.path.parent.chmod(0o555)
    yield store.path
    store.path.parent.chmod(0o755)


def test_a_read_only_folder_can_be_read(read_only):
    """
    Questions are answered from a read-only mount.
    """
    out, errors = start(READER, read_only, "read", prefix=unprivileged()).communicate(timeout=30)

    assert ("1\n", "") == (out, errors)


@pytest.mark.parametrize("mode", [0o555, 0o755], ids=["folder and file", "file"])
def test_what_is_read_only_cannot_be_written(read_only, mode):
    """
    Opening for writing is a clear error with its cure: a program should know when it starts.
    """
    read_only.parent.chmod(mode)

    out, errors = start(READER, read_only, "write", prefix=unprivileged()).communicate(timeout=30)

    assert "" == errors
    assert "cannot be opened or written (" in out
    assert "BYLINE_STORE" in out


def test_rows_in_a_journal_that_cannot_be_read_are_not_left_out_silently(store):
    """
    A copy of a store in use, in a read-only folder, is refused rather than answered in part.
    """
    store.add_incidents([incident(1)])
    copy = store.path.parent / "copy"
    copy.mkdir()
    for name in ("byline.db", "byline.db-wal"):
        shutil.copy(store.path.with_name(name), copy / name)
        (copy / name).chmod(0o444)
    copy.chmod(0o555)

    out, errors = start(READER, copy / "byline.db", "read", prefix=unprivileged()).communicate(timeout=30)

    copy.chmod(0o755)
    assert "" == errors
    assert "some of its rows are still in byline.db-wal" in out


def test_every_column_says_what_it_holds():
    """
    The schema documents itself: people take the file to other tools.
    """
    columns = [line for line in SCHEMA.splitlines() if " NOT NULL" in line]

    assert [] == [line.strip() for line in columns if "-- " not in line]


def sqlite_value(path, statement):
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchone()[0]
    finally:
        connection.close()
