"""The probes beside coverage.py, debuggers and profilers: everybody sees what it sees alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from byline._model import Attribution, Function
from byline._probes import entrance, monitoring
from byline._registry import Entry

needs_monitoring = pytest.mark.skipif(sys.version_info < (3, 12), reason="needs sys.monitoring")

SHOP = """
import logging
from byline import ai_generated

log = logging.getLogger("shop")

def boom(number):
    if number % 2:
        raise ValueError("the carrier hung up")
    return number

@ai_generated
def silent(number):
    try:
        return boom(number)
    except ValueError: return {}

@ai_generated
def logged(number):
    total = 0
    for each in range(number):
        try:
            total += boom(each)
        except ValueError:
            log.error("it failed")
    return total

@ai_generated
def retried():
    for attempt in (1, 3, 4):
        try:
            return boom(attempt)
        except ValueError:
            pass

def work():
    for number in range(5):
        silent(number)
        logged(number)
    retried()
"""

MAIN = """
import json, sys
{before}
if {on}:
    from byline._probes import monitoring, swallowed
    monitoring.start(lines=True, handlers=True)
    from byline._telemetry import findings
    told = []
    findings.record = lambda place, kind, handling, **rest: told.append(
        [place.entry.function.qualname, handling, rest["times"]])
import logging
logging.disable(logging.NOTSET)
logging.getLogger("shop").addHandler(logging.NullHandler())
import shop
{around}
{after}
if {on}:
    monitoring.stop()
    seen = told
else:
    seen = []
print(json.dumps([seen, result]))
"""

ALONE = ["silent silent 1"] * 2 + ["logged logged 1"] * 4 + ["retried retried 2"]
"""What is told of one run of work(): silent gets 1 and 3, logged 1 twice and 3 below it."""


def run(folder: Path, *, on: bool, before: str = "", around: str, after: str, **environment: str):
    """Run the shop in a process of its own, with the probes on or off, and return what both parties saw."""
    (folder / "shop.py").write_text(SHOP)
    program = MAIN.format(on=on, before=before, around=around, after=after)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder, env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}", **environment},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    seen, result = json.loads(done.stdout.splitlines()[-1])
    return sorted(" ".join(map(str, each)) for each in seen), result


OTHERS = {
    "nobody": ("", "shop.work()", "result = None", {}),
    "coverage.py by trace": (
        "import coverage\ncov = coverage.Coverage(data_file=None, include=['*/shop.py'])\ncov.start()",
        "shop.work()",
        "cov.stop()\nresult = sorted(cov.get_data().lines([each for each in cov.get_data().measured_files()][0]))",
        {"COVERAGE_CORE": "ctrace"},
    ),
    "coverage.py by monitoring": (
        "import coverage\ncov = coverage.Coverage(data_file=None, include=['*/shop.py'])\ncov.start()",
        "shop.work()",
        "cov.stop()\nresult = sorted(cov.get_data().lines([each for each in cov.get_data().measured_files()][0]))",
        {"COVERAGE_CORE": "sysmon"},
    ),
    "a debugger": (
        (
            "import bdb\nclass Steps(bdb.Bdb):\n    lines = []\n    def user_line(self, frame):\n"
            "        if frame.f_code.co_filename.endswith('shop.py'):\n            self.lines.append(frame.f_lineno)\n"
            "        self.set_step()"
        ),
        "steps = Steps()\nsteps.runcall(shop.work)",
        "result = steps.lines",
        {},
    ),
    "a breakpoint": (
        (
            "import bdb\nclass Stops(bdb.Bdb):\n    lines = []\n    def user_line(self, frame):\n"
            "        self.lines.append(frame.f_lineno)\n        self.set_continue()"
        ),
        "stops = Stops()\nstops.set_break(shop.__file__, 26)\nstops.runcall(shop.work)",
        "result = stops.lines",
        {},
    ),
    "a profiler": (
        "import cProfile",
        "profile = cProfile.Profile()\nprofile.runcall(shop.work)",
        (
            "profile.create_stats()\nresult = sorted([name, calls[0]] for (file, _, name), calls in "
            "profile.stats.items() if file.endswith('shop.py'))"
        ),
        {},
    ),
}


@needs_monitoring
@pytest.mark.parametrize("first", [False, True], ids=["it comes first", "we come first"])
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_everybody_sees_what_it_sees_alone(tmp_path, other, first):
    """
    Findings are the same beside another tool, and what that tool sees is the same beside the probes.
    """
    before, around, after, environment = other
    runs = 1 + first
    if first:
        before, around = "", f"shop.work()\n{before}\n{around}"

    told, with_us = run(tmp_path, on=True, before=before, around=around, after=after, **environment)
    _, alone = run(tmp_path, on=False, before=before, around=around, after=after, **environment)

    assert sorted(ALONE * runs) == told
    assert alone == with_us


@needs_monitoring
def test_the_tool_id_is_given_back():
    """
    The id is taken when watching starts, and free again when it stops, twice if need be.
    """
    before = [sys.monitoring.get_tool(each) for each in range(6)]
    monitoring.start(lines=True, handlers=True)
    during = sys.monitoring.get_tool(4)
    monitoring.stop()
    monitoring.stop()

    assert monitoring.NAME == during
    assert before == [sys.monitoring.get_tool(each) for each in range(6)]


@needs_monitoring
def test_another_id_will_do():
    """
    When somebody else holds the first id, the second one is taken.
    """
    sys.monitoring.use_tool_id(4, "somebody")
    try:
        monitoring.start(lines=True, handlers=True)
        assert monitoring.NAME == sys.monitoring.get_tool(3)
        monitoring.stop()
        assert "somebody" == sys.monitoring.get_tool(4)
    finally:
        sys.monitoring.free_tool_id(4)


def function(x):
    """Stand for a marked function."""
    return x


@needs_monitoring
def test_without_a_free_id_it_says_so():
    """
    When both ids are taken, each marked function is unverified, with the reason.
    """
    code = function.__code__.replace()
    entrance.watch(Entry(code, Function("shop", "f", "shop.py", 1, 1, 2), Attribution("ai")))
    for each in (3, 4):
        sys.monitoring.use_tool_id(each, "somebody")
    try:
        monitoring.start(lines=True, handlers=True)
        notes = [each for each in monitoring.unverified() if each.subject == "probes: shop.f"]
        assert not monitoring.is_running()
    finally:
        for each in (3, 4):
            sys.monitoring.free_tool_id(each)
        monitoring.stop()

    assert [
        "other tools hold every id of sys.monitoring that byline may take (4: somebody, 3: somebody)"
    ] == [each.reason for each in notes]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python has it")
def test_without_monitoring_it_says_so():
    """
    On Python 3.11 each marked function is unverified, with the reason and the cure.
    """
    code = function.__code__.replace()
    entrance.watch(Entry(code, Function("shop", "f", "shop.py", 1, 1, 2), Attribution("ai")))
    monitoring.start(lines=True, handlers=True)
    (note,) = [each for each in monitoring.unverified() if each.subject == "probes: shop.f"]
    monitoring.stop()

    assert "Python 3.11 has no sys.monitoring" in note.reason
    assert "Python 3.12 or later" == note.cure
