"""Measures what `local_runner.py` takes where nothing is left to do, over the import of TFX alone.

    python benchmarks/cached_rerun.py            # some ten minutes on two cores
    python benchmarks/cached_rerun.py --quick    # once, on 60 reviews of each split
    python benchmarks/cached_rerun.py --output output    # of a run that is there already

A first run leaves everything in a folder; the same command again finds it there. It is measured in
turn with `python -c "from tfx import v1"`, which no TFX pipeline can do without; and with
`python -c "import tfx"`, which gives no more than its version.
"""

import argparse
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measured_run
from figures import Figure, add_results_option, publish
from in_turn import REPEATS, measure_in_turn, median_ratio

QUICK = ["--max-examples=60", "--frozen-epochs=1", "--fine-tuned-epochs=1"]
QUICK_REPEATS = 1
RERUN, TFX_V1, TFX = "local_runner.py again", "from tfx import v1", "import tfx"


def measure(output: Path, options: list[str], repeats: int) -> dict[str, list[float]]:
    """Returns the seconds that each of the names above took.

    Args:
      output: Folder of the run; it is made first where it is not there.
      options: Of the run.
      repeats: Measurements of each.
    """
    measured_run.run(output, options)
    if done := _done(measured_run.run(output, options)):
        sys.exit(f"error: the same run again does anew {', '.join(sorted(done))}")
    return measure_in_turn(
        {
            RERUN: lambda: measured_run.run(output, options).seconds,
            TFX_V1: lambda: _seconds(TFX_V1),
            TFX: lambda: _seconds(TFX),
        },
        repeats,
    )


def _done(run: measured_run.MeasuredRun) -> set[str]:
    """Returns the components that did something; a resolver is asked at each run."""
    others = set(run.component_seconds) - run.cached
    return {component for component in others if not component.startswith("Resolver.")}


def _seconds(statement: str) -> float:
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-c", statement],
        cwd=measured_run.PROJECT,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return time.monotonic() - started


def figures_of(found: dict[str, list[float]]) -> list[Figure]:
    """Returns what is worth quoting of the measurements."""
    return [
        *(Figure(name, statistics.median(seconds), "s") for name, seconds in found.items()),
        Figure(f"again, over {TFX_V1}", median_ratio(found[RERUN], found[TFX_V1]), "", "<= 1.5"),
        Figure(f"again, over {TFX}", median_ratio(found[RERUN], found[TFX]), ""),
    ]


def main() -> None:
    """Runs, prints, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="folder of an earlier run (default: a new one)"
    )
    parser.add_argument("options", nargs="*", help="options of local_runner.py, after --")
    parser.add_argument("--quick", action="store_true", help="once, on 60 reviews of each split")
    add_results_option(parser)
    arguments = parser.parse_args()
    options = arguments.options + (QUICK if arguments.quick else [])
    repeats = QUICK_REPEATS if arguments.quick else REPEATS
    with tempfile.TemporaryDirectory() as folder:
        output = arguments.output or Path(folder)
        found = measure(output.resolve(), options, repeats)
    command = ["python", "benchmarks/cached_rerun.py", *(["--", *options] if options else [])]
    publish(figures_of(found), shlex.join(command), arguments.results)


if __name__ == "__main__":
    main()
