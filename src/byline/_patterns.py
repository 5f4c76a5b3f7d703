"""
From an exception to the failure pattern it is a sign of: rules as data, and how sure each is.

Pure: the run room asks with a live exception, the desk with what the store kept of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Literal, get_args

from ._dataclass import dataclass

Pattern = Literal[
    "hallucinated-dependency",
    "hallucinated-api",
    "security",
    "performance",
    "missing-error-handling",
    "resource-leak",
    "race-condition",
    "edge-case",
]
"""What AI code gets wrong, in eight kinds."""

PATTERNS: tuple[str, ...] = get_args(Pattern)

Certainty = Literal["high", "medium", "low"]
"""How often the exception really means the pattern; a person decides."""


Signs = tuple[tuple[str, ...], str]
"""Names of an exception's type and of its bases, and its message: what ``classify`` asks for."""


@dataclass(frozen=True, slots=True)
class Match:
    """A pattern, how certain it is, and why."""

    pattern: Pattern
    certainty: Certainty
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What an exception must look like."""

    pattern: Pattern
    certainty: Certainty
    reason: str
    types: frozenset[str]
    """Names of types, one of which the exception or a base of it has; with the module where it is not built in."""

    says: str = ""
    """What its message must hold, in whatever case, as a regular expression; empty for anything."""


_RULES: Sequence[tuple[Pattern, Certainty, str, str, str]] = (
    # The first that matches decides: the message before the type alone, the special before the general.
    ("hallucinated-dependency", "high", "a module that is not there", "ModuleNotFoundError", ""),
    ("hallucinated-api", "high", "a name that the module does not have", "ImportError", "cannot import name"),
    ("hallucinated-api", "high", "a name that the module does not have", "AttributeError", r"module '.*' has no attribute"),
    ("hallucinated-dependency", "medium", "a module that cannot be imported", "ImportError", ""),
    ("edge-case", "high", "None where a value was expected", "AttributeError TypeError", r"'NoneType'"),
    ("hallucinated-api", "high", "an argument that the function does not take", "TypeError", r"unexpected keyword argument|is an invalid keyword argument"),
    ("hallucinated-api", "medium", "a call that does not fit the signature", "TypeError", r"takes .* (positional )?arguments?|missing \d+ required|expected (at most|at least|exactly) \d+ argument|takes no (keyword )?arguments"),
    ("hallucinated-api", "medium", "an attribute that the object does not have", "AttributeError", ""),
    ("hallucinated-api", "medium", "a name that is not defined", "NameError", "is not defined"),
    ("security", "high", "several statements where one was expected", "sqlite3.ProgrammingError sqlite3.Warning", "one statement at a time"),
    ("security", "high", "an archive that writes outside of its folder", "tarfile.OutsideDestinationError tarfile.AbsolutePathError tarfile.LinkOutsideDestinationError tarfile.AbsoluteLinkError", ""),
    ("security", "high", "an object that safe loading refuses", "yaml.constructor.ConstructorError", "could not determine a constructor"),
    ("security", "high", "a request that the framework finds suspicious", "django.core.exceptions.SuspiciousOperation", ""),
    ("security", "medium", "a statement put together from values", "sqlite3.OperationalError psycopg.errors.SyntaxError psycopg2.errors.SyntaxError", r"syntax error|unrecognized token"),
    ("security", "medium", "data that nobody vouches for was unpickled", "pickle.UnpicklingError _pickle.UnpicklingError", ""),
    ("security", "medium", "a signature or certificate that does not hold", "ssl.SSLCertVerificationError jwt.exceptions.InvalidSignatureError cryptography.exceptions.InvalidSignature cryptography.fernet.InvalidToken", ""),
    ("security", "medium", "a zero byte in a path or argument", "ValueError", "embedded null (byte|character)"),
    ("resource-leak", "high", "no file descriptor is left", "OSError", r"Too many open files|\[Errno (23|24)\]"),
    ("resource-leak", "high", "the connection pool is exhausted", "sqlalchemy.exc.TimeoutError psycopg_pool.PoolTimeout psycopg2.pool.PoolError urllib3.exceptions.EmptyPoolError", ""),
    ("resource-leak", "high", "the database takes no more connections", "sqlalchemy.exc.OperationalError psycopg.OperationalError psycopg2.OperationalError pymysql.err.OperationalError", r"too many (clients|connections)|connection slots are reserved"),
    ("resource-leak", "high", "no more threads or processes can be started", "RuntimeError BlockingIOError", r"can't start new thread|Resource temporarily unavailable"),
    ("resource-leak", "high", "something was not closed", "ResourceWarning", ""),
    ("resource-leak", "medium", "no memory is left", "MemoryError", ""),
    ("race-condition", "high", "a collection changed while it was iterated", "RuntimeError", r"changed size during iteration|mutated during iteration|changed during iteration"),
    ("race-condition", "high", "two transactions wait for each other", "sqlalchemy.exc.OperationalError sqlalchemy.exc.DBAPIError psycopg.errors.DeadlockDetected psycopg2.errors.DeadlockDetected pymysql.err.OperationalError", r"deadlock|lock wait timeout"),
    ("race-condition", "high", "another writer holds the database", "sqlite3.OperationalError sqlalchemy.exc.OperationalError", r"(database|table).* is locked"),
    ("race-condition", "high", "somebody else changed the row meanwhile", "sqlalchemy.orm.exc.StaleDataError", ""),
    ("race-condition", "high", "one object used by two at once", "RuntimeError ValueError sqlite3.ProgrammingError", r"already executing|already running|different (event )?loop|another (operation|coroutine) is|created in a thread|un-?acquired lock|release unlocked lock"),
    ("race-condition", "medium", "written twice: a retry that repeats, or two at once", "sqlite3.IntegrityError sqlalchemy.exc.IntegrityError psycopg.errors.UniqueViolation psycopg2.errors.UniqueViolation", r"unique|duplicate"),
    ("race-condition", "low", "made by somebody else first", "FileExistsError", ""),
    ("performance", "high", "a time limit for the work", "celery.exceptions.SoftTimeLimitExceeded billiard.exceptions.SoftTimeLimitExceeded subprocess.TimeoutExpired", ""),
    ("performance", "high", "a statement that runs too long", "sqlalchemy.exc.OperationalError psycopg.errors.QueryCanceled psycopg2.errors.QueryCanceled", r"statement timeout|interrupted"),
    ("missing-error-handling", "high", "a connection that broke, and nobody is ready for it", "ConnectionError http.client.RemoteDisconnected http.client.IncompleteRead requests.exceptions.ConnectionError requests.exceptions.ChunkedEncodingError httpx.NetworkError httpx.ConnectError httpx.ReadError httpx.RemoteProtocolError aiohttp.client_exceptions.ClientConnectionError urllib3.exceptions.ProtocolError", ""),
    ("missing-error-handling", "high", "a service that did not answer in time, and nobody is ready for it", "TimeoutError requests.exceptions.Timeout requests.exceptions.ReadTimeout requests.exceptions.ConnectTimeout httpx.TimeoutException httpx.ReadTimeout httpx.ConnectTimeout urllib3.exceptions.TimeoutError", r"timed? ?out|\[Errno 110\]|\[Errno 60\]"),
    ("missing-error-handling", "high", "a service that cannot be reached, and nobody is ready for it", "urllib.error.URLError socket.gaierror ssl.SSLError sqlalchemy.exc.InterfaceError sqlalchemy.exc.OperationalError psycopg.OperationalError psycopg2.OperationalError redis.exceptions.ConnectionError requests.exceptions.RequestException", ""),
    ("missing-error-handling", "medium", "an answer that is not what was promised", "json.decoder.JSONDecodeError http.client.HTTPException xml.etree.ElementTree.ParseError requests.exceptions.JSONDecodeError", ""),
    ("missing-error-handling", "medium", "a file that is not there, or not ours", "FileNotFoundError PermissionError IsADirectoryError NotADirectoryError", ""),
    ("performance", "low", "the work took longer than it was given", "TimeoutError", ""),
    ("performance", "low", "too deep a recursion", "RecursionError", ""),
    ("edge-case", "high", "a division by nothing", "ZeroDivisionError decimal.DivisionByZero decimal.InvalidOperation", ""),
    ("edge-case", "high", "an empty or short collection", "IndexError statistics.StatisticsError", ""),
    ("edge-case", "high", "an empty or short collection", "ValueError", r"not enough values to unpack|too many values to unpack|argument is empty|empty sequence|not in list|is not in deque"),
    ("edge-case", "high", "text that is no such value", "ValueError", r"invalid literal for int|could not convert string|out of range|does not match format|Invalid isoformat"),
    ("edge-case", "medium", "a key that is not there", "KeyError", ""),
    ("edge-case", "medium", "text in another encoding", "UnicodeError", ""),
    ("edge-case", "medium", "a value of another type", "TypeError", r"unsupported operand|can only concatenate|not supported between|is not (subscriptable|iterable|callable)|object is not|must be"),
    ("edge-case", "medium", "a path on which a variable is never set", "UnboundLocalError", ""),
    ("edge-case", "medium", "the end of an iterator", "RuntimeError", "generator raised StopIteration"),
    ("edge-case", "medium", "the end of an iterator", "StopIteration StopAsyncIteration", ""),
    ("edge-case", "low", "a value out of bounds", "ArithmeticError ValueError", ""),
)  # fmt: skip


# When somebody asks: what fails may be long after the start, which is to be short.
@cache
def rules() -> Sequence[Rule]:
    """Return what is a sign of what. The reference page on patterns is made from it."""
    return tuple(
        Rule(pattern, certainty, reason, frozenset(types.split()), says)
        for pattern, certainty, reason, types, says in _RULES
    )


def classify(types: Iterable[str], message: str) -> Match | None:
    """
    Find the pattern an exception is a sign of.

    Args:
        types: The name of its type, and those of its bases where they are known.

    Returns:
        None when no rule knows it.
    """
    known = frozenset(types)
    for rule in rules():
        if not rule.types.isdisjoint(known) and (not rule.says or _compiled(rule.says).search(message)):
            return Match(rule.pattern, rule.certainty, rule.reason)
    return None


# When it is first asked for: to compile all of them would be a good part of what a start costs.
@cache
def _compiled(says: str) -> re.Pattern[str]:
    return re.compile(says, re.IGNORECASE)


def signs_of(exception: BaseException) -> Signs:
    """Take down what decides on the pattern of a live exception; the first of a group stands for it."""
    while isinstance(exception, BaseExceptionGroup):
        exception = exception.exceptions[0]
    try:
        message = str(exception)
    except Exception:  # noqa: BLE001  # a user's __str__ may raise anything
        message = ""
    return tuple(_name(kind) for kind in type(exception).__mro__), message[:2_000]


def _name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
