"""``python -m byline._instrumentation.runner [-m] PROGRAM …``: runs a program whose main module is marked too.

Python compiles a script itself, past every import hook; so the script is compiled here.
"""

from __future__ import annotations

import os
import runpy
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from . import import_hook, lifecycle, lookup


def main(arguments: list[str]) -> None:
    """Run ``-m module args…`` or ``script args…`` as ``__main__``, as Python itself would."""
    lifecycle.instrument()
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path[0] = str(Path.cwd())
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    run_script(arguments)


def run_script(arguments: list[str]) -> None:
    """Run a Python file as ``__main__``."""
    # As Python does it: absolute, so that the program may change its folder, and links stay what they are.
    script = os.path.join(os.getcwd(), arguments[0])  # noqa: PTH109, PTH118  # pathlib would drop "./" and more
    data = Path(script).read_bytes()
    sys.argv = list(arguments)
    sys.path[0] = str(Path(script).resolve().parent)
    main_module = ModuleType("__main__")
    main_module.__dict__.update(
        __file__=script,
        __builtins__=__builtins__,
        __spec__=None,
        __cached__=None,
        __loader__=SourceFileLoader("__main__", script),
    )
    sys.modules["__main__"] = main_module
    manifest = lookup.manifest()
    code = None
    if manifest is not None:
        code = import_hook.code_with_marks(script, data, "__main__", manifest)
        import_hook.tell("__main__")
    if code is None:
        code = compile(data, script, "exec", dont_inherit=True)
    exec(code, main_module.__dict__)  # noqa: S102  # running the user's program is what was asked


def _exit_with_usage() -> NoReturn:
    sys.stderr.write("usage: python -m byline._instrumentation.runner [-m] PROGRAM [ARGUMENT …]\n")
    raise SystemExit(2)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1:] == ["-m"]:  # noqa: PLR2004  # the program's own name comes first
        _exit_with_usage()
    main(sys.argv[1:])
