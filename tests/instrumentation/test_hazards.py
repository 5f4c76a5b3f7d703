"""What may come in between: signals, the end of the interpreter, no memory. The call stays the program's own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest


def run(program: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "BYLINE_STORE": ""},
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stderr
    return done


INTERRUPTED = """
    import itertools, signal
    import byline
    from opentelemetry import context, trace
    from byline._telemetry import latency, signals
    from byline._telemetry.durations import Durations
    from byline._instrumentation import lookup

    lookup.when_unknown(None)
    durations = Durations(cumulative=True)
    signals.take_distributions(durations)
    began = ended = 0

    @byline.ai_generated(tool="claude")
    def work():
        global began, ended
        began += 1
        ended += 1

    class Stop(BaseException): pass
    armed = False
    def on_signal(*_):
        global armed
        if armed:
            armed = False
            raise Stop
    signal.signal(signal.SIGALRM, on_signal)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0003)
    stops = calls = 0
    before = context.get_current()
    for _ in itertools.count():
        try:
            calls += 1
            armed = True
            work()
            armed = False
        except Stop:
            stops += 1
        if stops >= 1_000 and calls > 10_000:
            break
    signal.setitimer(signal.ITIMER_REAL, 0)
    latency.drain_all()
    counted = sum(each.count for each in durations.collect())
    # A signal may come before the function runs, or after it was counted: each call is one sample or none.
    assert began - stops <= counted <= calls, (began, stops, counted, calls)
    assert context.get_current() == before
    print("ok")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no SIGALRM")
def test_an_exception_of_a_signal_handler():
    """
    A handler that raises wherever the program is: its exception arrives, and no call is counted twice.
    """
    assert "ok\n" == run(INTERRUPTED).stdout


FINALISING = """
    import threading, time
    import byline
    from byline._instrumentation import lookup
    lookup.when_unknown(None)
    byline.instrument(store={store!r})

    @byline.ai_generated(tool="claude")
    def work(): pass

    @byline.ai_generated(tool="claude")
    def failing(): raise KeyError

    @byline.ai_generated(tool="claude")
    def numbers():
        yield 1

    def loop():
        while True:
            work()
            list(numbers())
            try: failing()
            except KeyError: pass

    for _ in range(4): threading.Thread(target=loop, daemon=True).start()
    time.sleep(0.3)
"""


def test_the_end_of_the_interpreter(tmp_path):
    """
    Daemon threads that still call while the interpreter ends see nothing of ours.
    """
    done = run(FINALISING.format(store=str(tmp_path / "byline.db")))

    assert ("", "") == (done.stdout, done.stderr)


NO_MEMORY = """
    import _testcapi
    import byline
    from byline._instrumentation import lookup
    lookup.when_unknown(None)
    ran = 0

    @byline.ai_generated(tool="claude")
    def work():
        global ran
        ran += 1
        return 7

    work()
    told = {{}}
    for first in range(1, 60):
        before = ran
        try:
            _testcapi.set_nomemory(first, first + {width})
            try:
                result = work()
            finally:
                _testcapi.remove_mem_hooks()
        except MemoryError:
            result = "MemoryError"
        assert ran - before <= 1
        assert result in (7, "MemoryError"), result
    assert work() == 7
    print("ok")
"""


@pytest.mark.parametrize("width", [1, 1_000], ids=["once", "for long"])
def test_no_memory(width):
    """
    Where memory ends, a call returns its own result or raises MemoryError; it never runs twice.
    """
    pytest.importorskip("_testcapi", reason="this Python was built without its test modules")

    assert "ok\n" == run(NO_MEMORY.format(width=width)).stdout


LIMITS = """
    import sys
    import byline
    from byline._instrumentation import lookup
    lookup.when_unknown(None)

    @byline.ai_generated(tool="claude")
    def deep(left):
        return deep(left - 1) + 1 if left else 0

    def depth():
        low, high = 0, 100_000
        while low < high - 1:
            middle = (low + high) // 2
            try: deep(middle); low = middle
            except RecursionError: high = middle
        return low

    found = []
    for limit in (200, 1_000, 5_000, 200):
        sys.setrecursionlimit(limit)
        found.append(depth())
    print(found[0] == found[3], found[0] < found[1] < found[2], found[1] > 400)
"""


def test_the_recursion_limit_is_the_programs():
    """
    The limit holds as the program sets it; a measured call takes two frames of it.
    """
    assert "True True True\n" == run(LIMITS).stdout


STARTED = """
    import multiprocessing, sys
    import byline
    from byline._instrumentation import lookup
    from byline._telemetry import latency, signals
    from byline._telemetry.durations import Durations

    @byline.ai_generated(tool="claude")
    def work(): pass

    def child(number):
        lookup.when_unknown(None)
        durations = Durations(cumulative=True)
        signals.take_distributions(durations)
        for _ in range(number): work()
        latency.drain_all()
        found = durations.collect()
        return sum(each.count for each in found), {each.attributes['code.function.name'] for each in found}

    if __name__ == "__main__":
        for _ in range(50): work()
        with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
            print(*pool.map(child, [100], chunksize=1))
"""


@pytest.mark.parametrize("how", ["fork", "forkserver", "spawn"])
def test_processes_of_multiprocessing(how, tmp_path):
    """
    A child counts its own calls and none of its parent's, under the same name, however it was started.
    """
    if sys.platform == "win32" and how != "spawn":
        pytest.skip("Windows has only spawn")
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(STARTED))

    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(program), how],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert ("(100, {'__main__.work'})\n", "") == (done.stdout, done.stderr)
