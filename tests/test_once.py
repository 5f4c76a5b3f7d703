"""An attribute that is computed once, and holds no lock while it is."""

from __future__ import annotations

import os
import threading

from byline._once import once


class Slow:
    """Computes for as long as it is told."""

    began = threading.Event()
    go_on = threading.Event()
    waits = True

    @once
    def value(self) -> int:
        """One."""
        if self.waits:
            self.began.set()
            self.go_on.wait(10)
        return 1


def test_computes_once():
    """
    The second look costs nothing, and another instance has a value of its own.
    """
    looked = []

    class Counted:
        @once
        def value(self) -> int:
            """How often it was computed."""
            looked.append(self)
            return len(looked)

    first, second = Counted(), Counted()

    assert [1, 1, 2] == [first.value, first.value, second.value]
    assert "How often it was computed." == Counted.value.__doc__


def test_a_fork_while_it_computes():
    """
    A child that is forked while a thread computes can compute for itself.
    """
    thread = threading.Thread(target=lambda: Slow().value)
    thread.start()
    Slow.began.wait(10)

    child = os.fork()
    if child == 0:
        Slow.waits = False
        os._exit(Slow().value)
    _, status = os.waitpid(child, 0)
    Slow.go_on.set()
    thread.join()

    assert 1 == os.waitstatus_to_exitcode(status)
