"""From the words after ``byline run`` to the process that runs them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..exceptions import RunError

BOOTSTRAP = Path(__file__).with_name("bootstrap")
_RUNNER = "byline._instrumentation.runner"


def command_line(words: Sequence[str]) -> list[str]:
    """
    Return the command that runs a program with byline on.

    ``-m module``, ``script.py`` and ``python script.py`` go through our runner, so that the main
    module is marked too; anything else (gunicorn, celery, …) is started as it is.

    Raises:
        RunError: No program was given, or there is none of this name.
    """
    if not words or list(words) == ["-m"]:
        raise RunError(
            "byline run needs a program. Try: byline run app.py, byline run -m package, or byline run gunicorn app:app"
        )
    first, *rest = words
    if first == "-m":
        return [sys.executable, "-m", _RUNNER, *words]
    if _is_python(first):
        at = _after_options(rest)
        if rest[at:] and (rest[at] == "-m" or _is_script(rest[at])):
            return [_program(first), *rest[:at], "-m", _RUNNER, *rest[at:]]
    if _is_script(first):
        return [sys.executable, "-m", _RUNNER, *words]
    return [_program(first), *rest]


def bare_line(words: Sequence[str]) -> list[str]:
    """
    Return the command that runs a program without byline, as it would have been typed.

    Raises:
        RunError: As for ``command_line``.
    """
    line = command_line(words)
    if _RUNNER in line:
        at = line.index(_RUNNER)
        return [*line[: at - 1], *line[at + 1 :]]
    return line


def environment(
    environ: Mapping[str, str], *, program: str, manifest: Path | None, store: Path | None
) -> dict[str, str]:
    """
    Return the environment of a program that runs with byline on, and of all its child processes.

    Args:
        program: What the program is called where nobody named the service.
    """
    child = dict(environ)
    paths = [str(BOOTSTRAP), *filter(None, child.get("PYTHONPATH", "").split(os.pathsep))]
    child["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    child["BYLINE_RUN"] = program
    if manifest is not None:
        child["BYLINE_MANIFEST"] = str(manifest.absolute())
    if store is not None:
        child["BYLINE_STORE"] = str(store.absolute())
    return child


def program_name(words: Sequence[str]) -> str:
    """Return what people would call a program: its module, script or command."""
    first, *rest = words
    if rest and (first == "-m" or _is_python(first)):
        return program_name(rest)
    return Path(first).stem


def _after_options(words: Sequence[str]) -> int:
    """Return how many words are options of Python itself."""
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] not in ("-m", "-c", "-"):
        at += 2 if words[at] in ("-X", "-W") else 1
    return min(at, len(words))


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RunError(
            f"There is no program {name!r} on PATH, and no file of this name in {str(Path.cwd())!r}."
        )
    return found


def _is_script(word: str) -> bool:
    path = Path(word)
    if path.is_dir():
        raise RunError(f"{word!r} is a folder. Name a script, or use -m for a package.")
    if path.suffix in (".py", ".pyw") and not path.is_file():
        raise RunError(f"There is no file {word!r} in {str(Path.cwd())!r}.")
    return path.suffix in (".py", ".pyw") and path.is_file()


def _is_python(word: str) -> bool:
    name = Path(word).name
    return name.startswith("python") and not name.removeprefix("python").strip("0123456789.")
