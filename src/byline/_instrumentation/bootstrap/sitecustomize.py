"""Turns byline on at the start of a Python process that ``byline run`` started, and of its children.

Lies on PYTHONPATH in front of everything else; hands over to the sitecustomize it hides.
"""

import os
import sys


def _next_sitecustomize() -> None:
    """Run the sitecustomize that would have run without byline."""
    import importlib.machinery
    import importlib.util

    here = os.path.dirname(os.path.abspath(__file__))
    others = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


def _turn_on() -> None:
    """Never let a child process fail because of byline: say why, and go on without."""
    try:
        from byline._instrumentation.lifecycle import instrument
    except ImportError:
        return  # another Python, without byline: not the program that was asked for
    try:
        instrument()
    except Exception as error:  # noqa: BLE001  # whatever it is, the program comes first
        sys.stderr.write(f"byline is off in this process: {error}\n")


def _is_disabled() -> bool:
    # What the settings take for true; to ask them would load byline.
    return os.environ.get("BYLINE_DISABLED", "").strip().lower() in ("1", "true", "yes", "on")


_next_sitecustomize()
if os.environ.get("BYLINE_RUN") and not _is_disabled():
    _turn_on()
