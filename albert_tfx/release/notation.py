"""How figures are written where people read them: shares in percent, differences in points.

Where a figure is compared with a bound, it gets as many decimals as tell the two apart.
"""

import math
from typing import Protocol, TypeGuard

from albert_tfx.evaluation.measurements import Interval

_MOST_DECIMALS = 6


class Measure(Protocol):
    """As much of a metric as its notation depends on."""

    @property
    def is_percentage(self) -> bool:
        """Whether it is a share."""


def is_known(figure: float | None) -> TypeGuard[float]:
    """Returns whether there is a number to show."""
    return figure is not None and math.isfinite(figure)


def value(metric: Measure, measured: float, beside: float = math.nan) -> str:
    """Returns a value: `81.2%` of a share, `0.693` of another metric.

    Args:
      metric: Which metric it is.
      measured: The value.
      beside: What it is compared with.
    """
    if metric.is_percentage:
        return f"{measured:.{_decimals(1, 100 * measured, 100 * beside)}%}"
    return f"{measured:.{_decimals(3, measured, beside)}f}"


def floor(metric: Measure, bound: float) -> str:
    """Returns a bound of values, as it was given: `81%`, `0.7`."""
    return f"{100 * bound:g}%" if metric.is_percentage else f"{bound:g}"


def number(metric: Measure, difference: float, beside: float = math.nan) -> str:
    """Returns a difference with its sign and without its unit: `+5.2`, `+0.052`."""
    if metric.is_percentage:
        return points(difference, beside)
    return _signed(difference, _decimals(3, difference, beside))


def change(metric: Measure, difference: float, beside: float = math.nan) -> str:
    """Returns a difference with its sign and its unit: `+5.2 points`, `+0.052`."""
    return f"{number(metric, difference, beside)}{unit(metric)}"


def amount(metric: Measure, difference: float) -> str:
    """Returns a difference without a sign: `5.2 points`, `0.052`."""
    return change(metric, abs(difference)).lstrip("+")


def step(metric: Measure, bound: float) -> str:
    """Returns a bound of differences, as it was given: `3.5 points`, `0.05`, `0`."""
    if not bound:
        return "0"
    given = f"{100 * bound if metric.is_percentage else bound:g}{unit(metric)}"
    return given.replace("-", "\N{MINUS SIGN}")


def unit(metric: Measure) -> str:
    """Returns what follows a difference's number."""
    return " points" if metric.is_percentage else ""


def bounded_value(metric: Measure, measured: Interval) -> str:
    """Returns a value with its bounds, as far as they are known: `81.2% (78.0% to 84.1%)`."""
    if measured.lower is None or measured.upper is None:
        return value(metric, measured.value)
    bounds = " to ".join(value(metric, each) for each in (measured.lower, measured.upper))
    return f"{value(metric, measured.value)} ({bounds})"


def bounded_change(metric: Measure, difference: Interval) -> str:
    """Returns a difference with its bounds, as far as they are known.

    Such as `+5.2 points (+3.0 to +7.4)`.
    """
    said = change(metric, difference.value)
    if difference.lower is None or difference.upper is None:
        return said
    bounds = " to ".join(number(metric, each) for each in (difference.lower, difference.upper))
    return f"{said} ({bounds})"


def points(share: float, beside: float = math.nan) -> str:
    """Returns a difference of shares in points.

    >>> [points(share) for share in (0.052, 0.1, 0.0)], points(0.0004, beside=0)
    (['+5.2', '+10.0', '0'], '+0.04')
    """
    if not math.isfinite(share):
        return "undefined"
    decimals = _decimals(1, 100 * share, 100 * beside)
    return _signed(100 * share, decimals) if round(100 * share, decimals) else "0"


def _signed(number: float, decimals: int) -> str:
    return f"{number:+.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def _decimals(least: int, shown: float, beside: float) -> int:
    """Returns how many decimals tell a number from another; `least` where none do."""
    if not math.isfinite(shown) or not math.isfinite(beside) or shown == beside:
        return least
    telling = (
        each
        for each in range(least, _MOST_DECIMALS + 1)
        if round(shown, each) != round(beside, each)
    )
    return next(telling, least)
