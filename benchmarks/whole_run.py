"""Measures a whole run of the pipeline: time, memory, lines printed, and what it concluded.

    python benchmarks/whole_run.py                            # the sample reviews
    python benchmarks/whole_run.py -- --dataset imdb_reviews  # any options of local_runner.py
    python benchmarks/whole_run.py --quick

The run starts from nothing, in a folder of its own that is removed afterwards.
"""

import argparse
import dataclasses
import shlex
import tempfile
from pathlib import Path

from figures import Figure, add_results_option, publish
from measured_run import MeasuredRun, run

from albert_tfx.contract import FINE_TUNED, FROZEN
from albert_tfx.evaluation.metrics import ACCURACY
from albert_tfx.report.summary import Summary

QUICK = ["--max-examples=200", "--frozen-epochs=2", "--fine-tuned-epochs=1"]
SAMPLE_MINUTES = 5


def figures_of(measured: MeasuredRun, is_sample: bool) -> list[Figure]:
    """Returns what is worth quoting of a run."""
    summary = measured.summary
    difference = dataclasses.asdict(summary.difference["accuracy"])
    figures = [
        Figure(
            "whole run",
            measured.seconds / 60,
            "minutes",
            f"< {SAMPLE_MINUTES}" if is_sample else None,
        ),
        Figure("peak memory", measured.peak_memory, "MiB"),
        Figure("lines printed", measured.lines, "lines", "< 60"),
    ]
    figures += [
        Figure(f"{component}", seconds, "s")
        for component, seconds in measured.component_seconds.items()
    ]
    for name, model in summary.models.items():
        figures += [
            Figure(f"{name} {m}, eval", model.metrics[m].value, "") for m in ("accuracy", "auc")
        ]
    figures += [Figure(f"accuracy gained, {end}", difference[end], "") for end in difference]
    tested = summary.test.metrics
    figures += [
        Figure(f"{summary.test.model} {m}, {tested.examples:,} test reviews", tested[m].value, "")
        for m in ("accuracy", "auc")
    ]
    return figures + _on_test(summary)


def _on_test(summary: Summary) -> list[Figure]:
    """Returns the accuracies of both recipes and of the yardstick, as far as they are known."""
    figures = []
    if compared := summary.test_comparison:
        figures = [
            Figure(f"{name}, test", metrics[ACCURACY.name].value, "accuracy")
            for name, metrics in ((FROZEN, compared.frozen), (FINE_TUNED, compared.fine_tuned))
        ]
        gained = dataclasses.asdict(compared.difference)
        figures += [Figure(f"gained on test, {end}", gained[end], "") for end in gained]
        for model, gains in compared.gains.items():
            over = dataclasses.asdict(gains[ACCURACY.name])
            figures += [Figure(f"{model} over the yardstick, {end}", over[end], "") for end in over]
    if summary.yardstick:
        yardstick = summary.yardstick.test[ACCURACY.name].value
        figures.append(Figure("yardstick, test", yardstick, "accuracy"))
    return figures


def main() -> None:
    """Runs, prints, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="200 reviews of each split, one epoch")
    parser.add_argument("options", nargs="*", help="options of local_runner.py, after --")
    add_results_option(parser)
    arguments = parser.parse_args()
    options = arguments.options + (QUICK if arguments.quick else [])
    with tempfile.TemporaryDirectory() as folder:
        measured = run(Path(folder), options)
    command = shlex.join(
        ["python", "benchmarks/whole_run.py", *(["--", *options] if options else [])]
    )
    publish(figures_of(measured, is_sample=not options), command, arguments.results)


if __name__ == "__main__":
    main()
