"""Syntax trees in a program with several threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_TRIES = 20


def undisturbed(make: Callable[[], T]) -> T:
    """
    Call what makes or compiles a syntax tree, again when another thread came in between.

    Python 3.11 keeps the depth of the tree that it makes in one place for all threads, and raises
    SystemError when a second thread made one meanwhile: https://github.com/python/cpython/issues/106905
    """
    for _ in range(_TRIES):
        try:
            return make()
        except SystemError:
            continue
    return make()
