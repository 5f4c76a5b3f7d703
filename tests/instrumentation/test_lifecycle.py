"""Turning byline on and off, in processes of their own."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from byline.store import Store

MARKED = """
import byline
@byline.ai_generated(tool="codex", commit="c0ffee1c0ffee1c0ffee1c0ffee1c0ffee1c0ffe")
def fail():
    raise ValueError("no")

def quietly():
    try:
        fail()
    except ValueError:
        pass
"""


def python(folder: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", MARKED + textwrap.dedent(code)],
        cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def incidents(folder: Path) -> int:
    with Store.open(folder / "x.db", read_only=True) as store:
        return len(store.incidents())


def test_store_is_written_at_exit(tmp_path):
    """
    A program that ends leaves its incidents in the store.
    """
    done = python(tmp_path, "byline.instrument(store='x.db'); quietly()")

    assert (0, "", 1) == (done.returncode, done.stderr, incidents(tmp_path))


@pytest.mark.parametrize("begin", ["", "worker.submit(quietly); worker.flush()"], ids=["fresh", "busy"])
@pytest.mark.parametrize("end", ["", "byline.uninstrument()"], ids=["exit", "uninstrument"])
def test_what_is_held_back_is_told_at_the_end(tmp_path, begin, end):
    """
    What waits for its minute to be over waits no longer once byline is turned off, or the program ends.
    """
    code = f"""
    from byline._instrumentation.lifecycle import flush
    from byline._telemetry import worker
    {begin}
    byline.instrument(store='x.db')
    for _ in range(12): quietly()
    flush()
    for _ in range(5): quietly()
    {end}
    """

    done = python(tmp_path, code)
    with Store.open(tmp_path / "x.db", read_only=True) as store:
        told = [1 + each.suppressed for each in store.incidents()]

    assert (0, "", 17) == (done.returncode, done.stderr, sum(told))


def sums(folder: Path) -> tuple[int, int, int]:
    """Return how many calls, incidents and findings the store knows of."""
    with Store.open(folder / "x.db", read_only=True):
        pass
    with sqlite3.connect(folder / "x.db") as store:
        asked = (
            "SELECT sum(calls) FROM latency",
            "SELECT sum(1 + suppressed) FROM incident",
            "SELECT sum(findings) FROM finding",
        )
        found = tuple(store.execute(each).fetchone()[0] or 0 for each in asked)
    store.close()
    return found


def test_exit_functions_of_the_program(tmp_path):
    """
    What exit functions do is recorded, also of those that run behind byline's: they were registered before.
    """
    code = """
    import atexit
    def end():
        for _ in range(12): quietly()
    atexit.register(end)
    byline.instrument(store='x.db')
    atexit.register(end)
    quietly()
    """

    done = python(tmp_path, code)

    assert (0, "", (25, 25, 0)) == (done.returncode, done.stderr, sums(tmp_path))


def test_exit_functions_between_byline_and_the_programs_provider(tmp_path):
    """
    What fails when byline has told all that waited is told at once, as long as the program's provider is there.
    """
    code = """
    import atexit
    from opentelemetry import _logs
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
    told = InMemoryLogRecordExporter()
    atexit.register(lambda: print(len(told.get_finished_logs())))
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(told))
    atexit.register(quietly)
    _logs.set_logger_provider(provider)
    byline.instrument()
    """

    done = python(tmp_path, code)

    assert (0, "", "1\n") == (done.returncode, done.stderr, done.stdout)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="needs sys.monitoring")
@pytest.mark.parametrize("end", ["", "import os; os.kill(os.getpid(), 15)"], ids=["exit", "SIGTERM"])
def test_what_no_call_has_ended_is_told_at_the_end(tmp_path, end):
    """
    Exceptions that a call swallowed are told of when the program ends, though the call never did.
    """
    code = f"""
    import threading, time
    done = threading.Event()
    @byline.ai_generated(tool="codex", commit="c0ffee1c0ffee1c0ffee1c0ffee1c0ffee1c0ffe")
    def serve():
        for each in range(6):
            try:
                int("x")
            except ValueError:
                continue
        done.set()
        time.sleep(600)
    byline.instrument(store='x.db')
    threading.Thread(target=serve, daemon=True).start()
    done.wait()
    {end}
    """

    done = python(tmp_path, code)

    assert ("", (0, 0, 6)) == (done.stderr, sums(tmp_path))


def test_calls_while_byline_is_turned_off_and_on(tmp_path):
    """
    A call that comes meanwhile is recorded as a whole, with its incident, or not at all.
    """
    code = """
    from byline._instrumentation import lifecycle
    from byline._telemetry import worker
    busy = lambda: [quietly() for _ in range(12)]
    class Recording(lifecycle.Recording):
        def __init__(self, *arguments):
            busy(); worker.flush()
            super().__init__(*arguments)
    byline.instrument(store='x.db')
    quietly()
    worker.at_stop(busy)
    byline.uninstrument()
    lifecycle.Recording = Recording
    byline.instrument(store='x.db')
    quietly()
    byline.uninstrument()
    """

    done = python(tmp_path, code)

    assert (0, "", (2, 2, 0)) == (done.returncode, done.stderr, sums(tmp_path))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="needs sys.monitoring")
def test_lines_that_ran_wait_for_git(tmp_path):
    """
    Turned off before git has said whose a function is, byline waits for that, and then tells which of its lines ran.
    """
    code = """
    from job import answer
    byline.instrument(store='x.db')
    answer()
    byline.uninstrument()
    """
    (tmp_path / "job.py").write_text("import byline\n\n@byline.ai_generated\ndef answer():\n    return 42\n")
    git = ("git", "-c", "user.name=Ben", "-c", "user.email=ben@example.com")
    for each in (["init", "-q"], ["add", "job.py"], ["commit", "-qm", "Add it"]):
        subprocess.run([*git, *each], cwd=tmp_path, check=True)

    done = python(tmp_path, code)

    with sqlite3.connect(tmp_path / "x.db") as store:
        told = [each for (each,) in store.execute("SELECT function FROM executed")]
    store.close()
    assert (0, "", ["job.answer"]) == (done.returncode, done.stderr, told)


NOTED = """
    from byline._instrumentation import lookup
    from byline._model import Unverified
    def note():
        lookup.note(Unverified("late", "it came late"))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize(
    "end",
    [
        "note(); os.kill(os.getpid(), 15)",
        "child = multiprocessing.get_context('fork').Process(target=note); child.start(); child.join()",
    ],
    ids=["SIGTERM", "multiprocessing"],
)
def test_notes_are_written_past_the_exit_functions(tmp_path, end):
    """
    What could not be told is in the store for ``byline doctor``, also of processes that end by a signal or ``os._exit``.
    """
    code = f"import multiprocessing, os{NOTED}\n    byline.instrument(store='x.db'); {end}"

    python(tmp_path, textwrap.dedent("    " + code), PYTHONWARNINGS="ignore")

    with Store.open(tmp_path / "x.db", read_only=True) as store:
        assert "late" in [each.subject for each in store.unverified()]


SELF_MADE = """
import multiprocessing, sys

def child():
    byline.instrument(store="x.db")
    quietly()

if __name__ == "__main__":
    process = multiprocessing.get_context(sys.argv[1]).Process(target=child)
    process.start()
    process.join(100)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("where", ["work", "module"], ids=str)
@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"], ids=str)
def test_a_child_that_turns_byline_on_itself(tmp_path, how, where):
    """
    A child of multiprocessing is flushed at its end wherever it turned byline on, as its work or while the main script is loaded.
    """
    start = "\nbyline.instrument(store='x.db')\n" if where == "module" else ""
    (tmp_path / "job.py").write_text(MARKED + start + SELF_MADE)

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "job.py", how],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip

    assert (0, "", (1, 1, 0)) == (done.returncode, done.stderr, sums(tmp_path))


def test_repeatable(tmp_path):
    """
    On, on, off, off, on again: each is safe, and nothing is counted twice.
    """
    code = """
    byline.instrument(store='x.db'); byline.instrument(store='x.db'); quietly()
    byline.uninstrument(); byline.uninstrument()
    assert not byline.is_active()
    byline.instrument(store='x.db'); quietly()
    """

    done = python(tmp_path, code)

    assert (0, "", 2) == (done.returncode, done.stderr, incidents(tmp_path))


def test_nothing_is_left_behind(tmp_path):
    """
    After uninstrument no finder is on the path, no signal handler set, no global provider made.
    """
    code = """
    import signal, sys
    from opentelemetry import metrics, trace, _logs
    before = sys.meta_path[:], signal.getsignal(signal.SIGTERM), dict(__import__("os").environ)
    byline.instrument(store='x.db'); byline.uninstrument()
    assert before == (sys.meta_path[:], signal.getsignal(signal.SIGTERM), dict(__import__("os").environ))
    for provider in (metrics.get_meter_provider(), trace.get_tracer_provider(), _logs.get_logger_provider()):
        assert "Proxy" in type(provider).__name__, provider
    """

    done = python(tmp_path, code)

    assert (0, "") == (done.returncode, done.stderr)


def test_a_provider_set_later_is_taken(tmp_path):
    """
    A program that sets its own providers after byline was turned on gets them, and byline's signals.
    """
    code = """
    byline.instrument(store='x.db')
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    quietly()
    from byline._instrumentation.lifecycle import flush
    assert flush()
    names = {m.name for r in reader.get_metrics_data().resource_metrics for s in r.scope_metrics for m in s.metrics}
    assert {"byline.call.duration", "byline.incidents"} <= names, names
    """

    done = python(tmp_path, code)

    assert (0, "", 1) == (done.returncode, done.stderr, incidents(tmp_path))


def test_disabled(tmp_path):
    """
    BYLINE_DISABLED=1 leaves no trace: no wrapper, no thread, no file, no finder, no SDK.
    """
    code = """
    import sys, threading
    byline.instrument(store='x.db')
    assert not byline.is_active()
    assert not hasattr(fail, "__wrapped__")
    assert threading.active_count() == 1
    assert "opentelemetry.sdk" not in sys.modules
    quietly()
    """

    done = python(tmp_path, code, BYLINE_DISABLED="1")

    assert (0, "", []) == (done.returncode, done.stderr, list(tmp_path.iterdir()))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("byline.instrument(manifest='nowhere')", "ManifestError: There is no manifest at 'nowhere'"),
        ("byline.instrument(manifest='broken')", "ManifestError: 'broken' is not a byline manifest"),
        ("byline.instrument(author='nick')", "ConfigError: author='nick'"),
        ("byline.instrument(store='/proc/nowhere/x.db')", "StoreError"),
    ],
    ids=["missing", "broken", "author", "store"],
)
def test_wrong_configuration_is_loud(tmp_path, call, error):
    """
    What was configured wrongly stops the program at its start, with a sentence.
    """
    (tmp_path / "broken").write_text("x")

    done = python(tmp_path, call)

    assert (1, True) == (done.returncode, error in done.stderr)


def test_a_damaged_manifest_that_was_merely_found_harms_nobody(tmp_path):
    """
    A manifest nobody named is left aside when it is damaged; the log says so, the program runs.
    """
    (tmp_path / "byline.manifest").write_text("x")

    done = python(tmp_path, "byline.instrument(store='x.db'); quietly(); print('fine')")

    assert (0, "fine\n", 1) == (done.returncode, done.stdout, incidents(tmp_path))
    assert "is not a byline manifest" in done.stderr


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"], ids=str)
def test_signals_flush_first(tmp_path, name):
    """
    A program that is told to end writes what it has, soon, and ends as the signal would have ended it.
    """
    # Not one long sleep: Python would not hear of a signal that comes just before it.
    code = textwrap.dedent("""
    import time
    byline.instrument(store='x.db')
    quietly()
    print('up', flush=True)
    while True:
        time.sleep(0.05)
    """)
    # Not every shell leaves SIGINT to its children.
    setup = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", setup + MARKED + code],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        process.stdout.readline()
        process.send_signal(getattr(signal, name))
        status = process.wait(100)  # soon, where the machine is not slow

    assert -getattr(signal, name) == status
    assert 1 == incidents(tmp_path)


def test_a_handler_of_the_program_stays(tmp_path):
    """
    A program with its own SIGTERM handler keeps it.
    """
    code = """
    import os, signal
    signal.signal(signal.SIGTERM, lambda *_: print("mine"))
    byline.instrument(store='x.db')
    os.kill(os.getpid(), signal.SIGTERM)
    """

    done = python(tmp_path, code)

    assert (0, "mine\n") == (done.returncode, done.stdout)


def test_a_handler_that_raises_the_signal_again(tmp_path):
    """
    A handler that sets the default back and raises the signal again, past every exit function, loses nothing.
    """
    code = """
    import os, signal
    def again(number, frame):
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    signal.signal(signal.SIGTERM, again)
    byline.instrument(store='x.db'); quietly()
    os.kill(os.getpid(), signal.SIGTERM)
    """

    done = python(tmp_path, code)

    assert (-signal.SIGTERM, "", 1) == (done.returncode, done.stderr, incidents(tmp_path))


def test_the_programs_handler_is_given_back(tmp_path):
    """
    Turned off, byline leaves the handler that it found; one that was set since stays.
    """
    code = """
    import signal
    def mine(*_): pass
    signal.signal(signal.SIGTERM, mine)
    byline.instrument(store='x.db'); byline.uninstrument()
    assert mine is signal.getsignal(signal.SIGTERM)
    byline.instrument(store='x.db')
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    byline.uninstrument()
    assert signal.SIG_IGN is signal.getsignal(signal.SIGTERM)
    """

    done = python(tmp_path, code)

    assert (0, "") == (done.returncode, done.stderr)


def test_forked_workers_write_their_own(tmp_path):
    """
    Each process writes what happened in it, once.
    """
    code = """
    import os
    byline.instrument(store='x.db'); quietly()
    children = []
    for _ in range(3):
        child = os.fork()
        if not child:
            quietly()
            raise SystemExit
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    """

    done = python(tmp_path, code, PYTHONWARNINGS="ignore")

    assert (0, 4) == (done.returncode, incidents(tmp_path)), done.stderr


UNHEARD = """
import multiprocessing, os, signal, sys, threading, time

def child(lock):
    byline.instrument(store="x.db")  # in force already where the child is a fork
    quietly()
    # Python notes the signal in the other thread, and the main thread sleeps on.
    other = threading.Thread(target=time.sleep, args=(600,), daemon=True)
    other.start()
    threading.Timer(0.2, lambda: signal.pthread_kill(other.ident, signal.SIGTERM)).start()
    lock.acquire()

if __name__ == "__main__":
    byline.instrument(store="x.db")
    context = multiprocessing.get_context(sys.argv[1])
    lock = context.Lock()
    lock.acquire()
    process = context.Process(target=child, args=(lock,))
    process.start()
    process.join(100)
    print(process.exitcode)
    process.kill()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("how", ["fork", "spawn"], ids=str)
def test_a_child_that_waits_for_a_lock_hears_sigterm(tmp_path, how):
    """
    A signal that Python noted while the main thread waits is sent again; what was measured is written.
    """
    (tmp_path / "job.py").write_text(MARKED + UNHEARD)

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "job.py", how],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip

    assert (0, "-15\n") == (done.returncode, done.stdout), done.stderr
    assert 1 == incidents(tmp_path)


@pytest.mark.parametrize("how", ["Process", "Pool", "ProcessPoolExecutor"], ids=str)
def test_multiprocessing_children_write_their_own(tmp_path, how):
    """
    A forked child of multiprocessing ends past atexit, and still writes what happened in it.
    """
    code = f"""
    import concurrent.futures, multiprocessing
    byline.instrument(store='x.db'); quietly()
    fork = multiprocessing.get_context("fork")
    if {how!r} == "Process":
        child = fork.Process(target=quietly); child.start(); child.join()
    elif {how!r} == "Pool":
        with fork.Pool(1) as pool:
            pool.apply(quietly)
    else:
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=fork) as pool:
            pool.submit(quietly).result()
    """

    done = python(tmp_path, code, PYTHONWARNINGS="ignore")

    assert (0, 2) == (done.returncode, incidents(tmp_path)), done.stderr


def test_each_process_has_an_instance_id_of_its_own(tmp_path):
    """
    A forked child is another instance of the service than its parent, unless the user named the instance.
    """
    code = """
    import os
    from byline._instrumentation.lifecycle import flush
    byline.instrument(store='x.db'); quietly()
    for _ in range(2):
        child = os.fork()
        if not child:
            quietly(); flush(); os._exit(0)
        os.waitpid(child, 0)
    """

    done = python(tmp_path, code, PYTHONWARNINGS="ignore")

    with sqlite3.connect(tmp_path / "x.db") as store:
        processes = [each for (each,) in store.execute("SELECT name FROM process WHERE id > 0")]
    store.close()
    instances = {each.partition(":")[0] for each in processes}
    assert (0, 3, 3) == (done.returncode, len(processes), len(instances)), done.stderr


def test_the_decorator_comes_after(tmp_path):
    """
    Git is still asked at once when the decorator is loaded after byline was turned on, as under ``byline run``.
    """
    program = textwrap.dedent(
        """\
        import byline

        byline.instrument()
        byline.ai_generated
        from byline._instrumentation import development, lookup

        print(lookup._ask_git is development.ask_now)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )

    assert ("True\n", 0) == (done.stdout, done.returncode), done.stderr
