"""When a handled exception is normal control flow: a documented rule, which BYLINE_EXPECTED adjusts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from types import TracebackType

from ..exceptions import ConfigError
from .handling import Handler

LOOKUPS = frozenset(
    {
        "AttributeError",
        "BlockingIOError",
        "ImportError",
        "IndexError",
        "KeyError",
        "LookupError",
        "ModuleNotFoundError",
        "QueueEmpty",
        "QueueFull",
        "StopAsyncIteration",
        "StopIteration",
        "Empty",
        "Full",
    }
)
"""Types that say "there is none": normal when the handler names them and its own lines raised them."""

SIGNALS = frozenset({"CancelledError", "GeneratorExit", "KeyboardInterrupt", "SystemExit"})
"""Wishes to end, no failures: normal when the handler names them, whoever raised them."""

_BROAD = frozenset({"BaseException", "BaseExceptionGroup", "Exception", "ExceptionGroup", "object"})


def parse(setting: str) -> frozenset[str]:
    """
    Read the setting: names of types, separated by commas, instead of ``LOOKUPS``; with + or - before each, a change to them.

    Raises:
        ConfigError: It mixes both, or a name cannot be one.
    """
    words = [word.strip() for word in setting.split(",") if word.strip()]
    for word in words:
        if not word.lstrip("+-").replace(".", "").isidentifier():
            raise ConfigError(
                f"BYLINE_EXPECTED={setting!r}: {word!r} is not the name of an exception type. Example: KeyError,IndexError"
            )
    changes = [word for word in words if word[0] in "+-"]
    if changes and len(changes) < len(words):
        raise ConfigError(
            f"BYLINE_EXPECTED={setting!r} has names with and without a sign. Give each a + or -, or none."
        )
    if not words:
        return LOOKUPS
    names = {_last(word.lstrip("+-")) for word in words if not word.startswith("-")}
    if not changes:
        return frozenset(names)
    return (LOOKUPS | names) - {_last(word[1:]) for word in words if word.startswith("-")}


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def is_expected(exception: BaseException, handler: Handler, lookups: frozenset[str]) -> bool:
    """
    Tell whether handling this exception here is normal control flow.

    It is when the handler names its type, or a base that is not broad, and the type says
    "there is none", and no code but the function's own line, or the standard library
    called from it, raised it: the same type from deep inside is a bug that looks like one.
    """
    found = _by_type(type(exception), handler.names, lookups)  # type: ignore[arg-type]  # a class can be hashed
    return found == "signal" or (found == "lookup" and _is_near(exception.__traceback__))


@lru_cache(maxsize=4_096)
def _by_type(kind: type, names: frozenset[str], lookups: frozenset[str]) -> str:
    """Tell what a handler that names these types makes of an exception of this type, by the types alone."""
    kinds = [each.__name__ for each in kind.__mro__ if each.__name__ not in _BROAD]
    if names.isdisjoint(kinds):
        return ""
    if not SIGNALS.isdisjoint(kinds):
        return "signal"
    return "" if lookups.isdisjoint(kinds) else "lookup"


def _is_near(traceback: TracebackType | None) -> bool:
    deeper = traceback and traceback.tb_next
    while deeper is not None:
        filename = deeper.tb_frame.f_code.co_filename
        if not filename.startswith(_own_folders()) or "-packages" in filename:
            return False
        deeper = deeper.tb_next
    return True


@cache
def _own_folders() -> tuple[str, ...]:
    """Return where the standard library is; site-packages lies below it."""
    import sysconfig  # few programs have it loaded

    paths = sysconfig.get_paths()
    return ("<frozen ", *_with_separator({paths["stdlib"], paths["platstdlib"]}))


def _with_separator(folders: Iterable[str]) -> Iterable[str]:
    return (folder.rstrip("/\\") + separator for folder in folders for separator in ("/", "\\"))
