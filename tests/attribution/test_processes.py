"""Work done side by side."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from byline._attribution.processes import side_by_side


@pytest.mark.parametrize("jobs", [0, 1, 2, 9])
def test_results_are_in_order(jobs):
    """
    However many threads there are, results come in the order of the arguments.
    """
    assert [1, 4, 9] == side_by_side(lambda number, power: number**power, [(1, 2), (2, 2), (3, 2)], jobs)


def test_several_threads_share_the_work():
    """
    With two jobs, two tasks run at the same time.
    """
    meeting = threading.Barrier(2, timeout=30)

    assert [0, 1] == sorted(side_by_side(meeting.wait, [(), ()], 2))


def test_no_thread_can_be_started_at_the_end_of_a_program():
    """
    A program that is ending does the work in the thread it has.
    """
    program = (
        "import atexit; from byline._attribution.processes import side_by_side\n"
        "atexit.register(lambda: print(side_by_side(abs, [(-1,), (-2,)], 2)))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "[1, 2]\n" == done.stdout
