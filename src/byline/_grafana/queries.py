"""The questions of the boards and rules in PromQL; no panels here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .. import _label_names as names

Histograms = Literal["classic", "native"]
"""How ``byline.call.duration`` arrives: as a series for each bucket, or as one of Prometheus' native histograms."""

WINDOW = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Queries:
    """
    PromQL over one kind of histogram and one selection of series.

    The two kinds need different functions, and VictoriaMetrics refuses an expression that names one
    it does not know. So there is a board of each kind, rather than one whose queries try both.
    """

    histograms: Histograms
    select: str = ""
    """Label matchers, without braces."""

    def _of(self, metric: str, *more: str) -> str:
        matchers = ",".join(filter(None, (self.select, *more)))
        return f"{metric}{{{matchers}}}" if matchers else metric

    def quantile(self, quantile: float, by: str, window: str = WINDOW, *, offset: str = "") -> str:
        """Return how long calls take, in seconds. Cancelled and failed calls count too."""
        at = f" offset {offset}" if offset else ""
        if self.histograms == "native":
            return (
                f"histogram_quantile({quantile}, {_sum(by)} (rate({self._of(names.DURATION)}[{window}]{at})))"
            )
        # VictoriaMetrics keeps exponential histograms in buckets with the label vmrange.
        return (
            f"histogram_quantile({quantile}, "
            f"{_sum('le', 'vmrange', by)} (rate({self._of(names.BUCKET)}[{window}]{at})))"
        )

    def calls(
        self, by: str, window: str = WINDOW, *matchers: str, function: str = "rate", offset: str = ""
    ) -> str:
        """Return calls per second, or in the window with ``function="increase"``."""
        at = f" offset {offset}" if offset else ""
        if self.histograms == "native":
            counted = f"histogram_count({function}({self._of(names.DURATION, *matchers)}[{window}]{at}))"
        else:
            counted = f"{function}({self._of(names.COUNT, *matchers)}[{window}]{at})"
        return f"{_sum(by)} ({counted})"

    def error_rate(self, by: str, window: str = WINDOW) -> str:
        """
        Return the share of calls that an exception left, 0 to 1; a cancelled call is no error.

        What never failed has no failed series, so it is filled up with zero rather than dropped.
        """
        calls = self.calls(by, window)
        failed = self.calls(by, window, f'{names.ERROR}!=""', f'{names.ERROR}!="cancelled"')
        return f"({failed} or 0 * {calls}) / {calls}"

    def counted(self, metric: str, by: str, window: str = WINDOW, *matchers: str) -> str:
        """
        Return by how much a counter grew in the window.

        A series that begins within the window began at zero, which ``increase`` cannot know.
        """
        series = self._of(metric, *matchers)
        grown = f"increase({series}[{window}])"
        begun = f"({series} unless {series} offset {window})"
        return f"{_sum(by)} ({begun} or {grown})"

    def new(self, by: str, hours: int) -> str:
        """
        Return a filter: 1 for what was running within the last hours, and not in the week before.

        A week of a gauge with one series for a function costs little; a week of histograms does not.
        """
        series = self._of(names.INFO)
        return (
            f"group by ({by}) (last_over_time({series}[{hours}h])) unless "
            f"group by ({by}) (last_over_time({series}[7d] offset {hours}h))"
        )


def _sum(*by: str) -> str:
    labels = ", ".join(filter(None, by))
    return f"sum by ({labels})" if labels else "sum"
