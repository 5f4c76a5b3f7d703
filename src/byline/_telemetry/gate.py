"""What stands between a wrapper and a span: nothing of OpenTelemetry is loaded until somebody else loads it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CellType
from typing import TYPE_CHECKING, Protocol

from .. import _config
from .._config import Config
from . import faults

if TYPE_CHECKING:
    from .recorder import Recorder


class Turns(Protocol):
    """What a wrapper does with the span of a call."""

    def attach(self) -> None:
        """Make the span the current one, if it is not."""
        ...

    def detach(self) -> None:
        """Make the former span the current one again."""
        ...

    def finish(self, error_type: str = "", duration_s: float = 0.0) -> None:
        """Detach and end the span; never raises."""
        ...


# It does nothing and returns None, and is the cheapest call that does.
never: Callable[[], object] = [].clear


def _dormant() -> object:
    """Answer for a program that has not loaded OpenTelemetry yet: it can have no trace."""
    if "opentelemetry.context" not in sys.modules:
        return None
    try:
        configure(_config.current())
        return gate.cell_contents() if gate.cell_contents is not _dormant else None
    except Exception as exception:  # noqa: BLE001  # the call is the user's
        faults.report(exception, "looking for a trace")
        return None


def _begin(recorder: Recorder, *, attached: bool = True) -> Turns | None:
    """Load what makes spans; it puts its own function in the place of this one."""
    from . import spans

    return spans.begin(recorder, attached=attached)


gate: CellType = CellType(_dormant)
"""
The cheapest test of the hot path, shared by all wrappers: what it returns is ``quiet`` when no span can be wanted.

It reads the current context, or returns None where no span is ever wanted. ``configure``
swaps it in every wrapper at once.
"""

quiet: CellType = CellType(None)
"""
The context that was found last to want no span, shared by all wrappers; None for none.

The calls of a request that is not sampled have the same one, as have all calls outside of any
trace, and to compare costs next to nothing. A context never changes, and one that wants no span
holds nothing that records. Each tick lets it go, so that what else it holds is not kept.
"""

begin: CellType = CellType(_begin)
"""Starts the span of a call, once the gate is open."""


def configure(config: Config) -> None:
    """Put the settings in force for functions already wrapped and those to come."""
    if config.spans == "off":
        gate.cell_contents = never
    elif config.root_spans or "opentelemetry.context" in sys.modules:
        from . import spans

        spans.configure(config)
    else:
        gate.cell_contents = _dormant


def forget() -> None:
    """Let go of the context that was found to want no span."""
    quiet.cell_contents = None


def stop() -> None:
    """Start no more spans; ``configure`` starts them again."""
    gate.cell_contents = never
    forget()
