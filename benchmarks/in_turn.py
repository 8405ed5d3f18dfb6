"""Measurements taken in turn: what slows the machine for a while slows all of them alike."""

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

REPEATS = 5


def measure_in_turn(
    measures: Mapping[str, Callable[[], float]], repeats: int
) -> dict[str, list[float]]:
    """Takes each measure once, then each again, and so on.

    Args:
      measures: What to measure, by its name.
      repeats: How often each is measured.

    Returns:
      What each gave, in the order of the repeats.
    """
    found: dict[str, list[float]] = {name: [] for name in measures}
    for repeat in range(repeats):
        for name, measure in measures.items():
            found[name].append(measure())
            print(f"{repeat + 1}/{repeats} {name}: {found[name][-1]:,.4g}", file=sys.stderr)
    return found


def processor_seconds(call: Callable[[], Any]) -> float:
    """Returns the processor seconds of one call, over the number of cores."""
    started = time.process_time()
    call()
    return (time.process_time() - started) / (os.cpu_count() or 1)


def median_ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """Returns the median of the ratios of what was measured one right after the other.

    >>> median_ratio([2.0, 9.0, 8.0], [1.0, 3.0, 4.0])
    2.0
    """
    return statistics.median(a / b for a, b in zip(over, under, strict=True))
