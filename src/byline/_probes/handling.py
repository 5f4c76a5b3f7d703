"""What is known of the handlers of a code object; values only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from .._dataclass import dataclass, field

WORDS = frozenset({"print", "pprint", "stderr", "stdout", "secho", "echo", "set_exception", "throw"})
"""Names that tell somebody of an exception in ways that no function can be watched for."""

Kind = Literal["except", "except*", "with", "finally"]


@dataclass(slots=True)
class Handler:
    """One ``except`` clause, ``with`` statement or ``finally`` block that can end an exception."""

    kind: Kind
    line: int
    """Of the clause, or of the statement."""

    entry: int
    """Offset of the first instruction with the exception at hand."""

    names: frozenset[str] = frozenset()
    """Names in the expression that says what is handled; empty for a bare ``except``."""

    done: frozenset[int] = frozenset()
    """Offsets where the exception is over."""

    failed: frozenset[int] = frozenset()
    """Offsets that are passed when an exception leaves the handler."""

    body: frozenset[int] = frozenset()
    """Offsets of its instructions."""

    retries: bool = False
    """Whether it leads back to what was tried, in a loop that success leaves."""

    recovered: frozenset[int] = frozenset()
    """Offsets of returns that are reached by another attempt that worked, and in no other way."""

    attempts: frozenset[int] = frozenset()
    """Where an attempt begins, if the returns do not tell whether the last one worked."""

    says: Mapping[int, str] = field(default_factory=dict)
    """Offsets of instructions that reach for one of ``WORDS``, and the word."""

    has_calls: bool = False
    yields: bool = False
    reads: bool = False
    """Whether it looks at the exception it named."""


@dataclass(slots=True)
class Handling:
    """All handlers of a code object."""

    handlers: list[Handler] = field(default_factory=list)
    returns_after: frozenset[int] = frozenset()
    """Offsets of returns and yields that are reached through a handler only."""

    raises: frozenset[int] = frozenset()
    """Offsets of ``raise`` statements."""

    is_direct: bool = False
    """Whether every handler leads to such returns, and to no others."""
