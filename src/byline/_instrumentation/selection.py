"""Which of the functions that AI wrote are measured: all, unless the settings say less."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from .. import _config
from .._config import Config
from .._dataclass import dataclass
from .._model import Attribution, Function

_RANKS = ("none", "low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked of a function; empty values ask for nothing."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    confidence: str = "low"
    """The least."""

    tools: tuple[str, ...] = ()

    def wants(self, function: Function, attribution: Attribution) -> bool:
        """Tell whether a function that the manifest calls AI is to be measured."""
        if not self.allows(function):
            return False
        if self.tools and attribution.tool not in self.tools:
            return False
        return self.confidence == "low" or _RANKS.index(attribution.confidence) >= _RANKS.index(
            self.confidence
        )

    def allows(self, function: Function) -> bool:
        """Tell whether the globs let a function in, whoever wrote it."""
        if self.include and not _matches(self.include, function):
            return False
        return not _matches(self.exclude, function)


_read: tuple[Config, Selection] | None = None


def selection_of(config: Config) -> Selection:
    """Read the settings, once as long as they are the same: each function that a manifest names asks."""
    global _read  # noqa: PLW0603  # one pair, replaced whole
    read = _read
    if read is None or read[0] is not config:
        words = config.words
        read = _read = (
            config,
            Selection(words("include"), words("exclude"), config.confidence, words("tools")),
        )
    return read[1]


def is_excluded(target: object) -> bool:
    """Tell whether ``BYLINE_EXCLUDE`` names something that has a name of its own."""
    exclude = _config.current().words("exclude")
    qualname = getattr(target, "__qualname__", None) if exclude else None
    if not isinstance(qualname, str):
        return False
    return _matches(exclude, Function(str(getattr(target, "__module__", "")), qualname, "", 0, 0, 0))


def _matches(globs: Iterable[str], function: Function) -> bool:
    """Match a glob with a slash against the path, any other against the name and the names around it."""
    for glob in globs:
        if "/" in glob:
            if fnmatchcase(function.path, glob):
                return True
        elif fnmatchcase(function.name, glob) or fnmatchcase(function.name, f"{glob}.*"):
            return True
    return False
