"""How a benchmark says what it found: on the terminal, and in `results.json`."""

import argparse
import dataclasses
import datetime
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).with_name("results.json")


@dataclasses.dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
      name: What was measured; unique within its command.
      value: The number.
      unit: Its unit.
      bar: What it should reach, or None.
    """

    name: str
    value: float
    unit: str
    bar: str | None = None


def add_results_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--results`, the file that the figures are kept in."""
    parser.add_argument(
        "--results",
        type=Path,
        default=RESULTS,
        metavar="PATH",
        help="file that keeps the figures (default: benchmarks/results.json)",
    )


def publish(figures: Sequence[Figure], command: str, results: Path) -> None:
    """Prints `figures` and puts them into `results`, in place of the same command's earlier.

    Args:
      figures: What was found.
      command: How to repeat it, from the project's folder.
      results: A JSON file, made where it is not there yet.
    """
    for figure in figures:
        bar = f"  (bar: {figure.bar})" if figure.bar else ""
        print(f"{figure.name:<48} {figure.value:>10,.4g} {figure.unit}{bar}")
    origin = {
        "command": command,
        "machine": _machine(),
        "date": datetime.date.today().isoformat(),
    }
    others = [result for result in _read(results) if result["command"] != command]
    added = [{**dataclasses.asdict(figure), **origin} for figure in figures]
    partial = results.with_suffix(".partial")
    partial.write_text(json.dumps(others + added, indent=2) + "\n", encoding="utf-8")
    partial.replace(results)


def _read(results: Path) -> list[dict[str, object]]:
    return json.loads(results.read_text(encoding="utf-8")) if results.exists() else []


def _machine() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.processor()}, {os.cpu_count()} cores"
