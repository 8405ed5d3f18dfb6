"""Measures how memory and time of a run grow with its reviews: hardly at all, and by their number.

    python benchmarks/memory.py            # 25,000 and 100,000 reviews
    python benchmarks/memory.py --quick    # 200 and 800
    python benchmarks/memory.py --reviews 100000 1000000 --short    # an encoder of one layer
    python benchmarks/memory.py -- --metric auc    # any options of local_runner.py

Both runs read a CSV file with texts that are sentences of the sample reviews, put together anew,
and are kept as short as they can be: few tokens, one epoch of each model. Duplicates are only
counted, so that all reviews are trained on. The peak of a run is that of the largest of its
processes. By how much the main process's peak differs between the two at the end of each component
is printed too: where that leaps is the component to look at. Time is that of the processors, which
other work on the machine hardly changes; a component is quoted by what each further review costs.
"""

import argparse
import csv
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

import predictions
import small_encoder
from figures import Figure, add_results_option, publish
from measured_run import MeasuredRun, run

FEWEST_SENTENCES = 4
LABELS = ("negative", "positive")
OPTIONS = [
    "--keep-duplicates",
    "--sequence-length=16",
    "--batch-size=64",
    "--frozen-epochs=1",
    "--fine-tuned-epochs=1",
]


def write_reviews(count: int, file: Path, fewest: int = FEWEST_SENTENCES) -> None:
    """Writes texts of `fewest` sentences or more, with labels that alternate."""
    with file.open("w", newline="", encoding="utf-8") as opened:
        rows = csv.writer(opened)
        rows.writerow(["text", "label"])
        for row, text in enumerate(predictions.lines(count, fewest)):
            rows.writerow([text, LABELS[row % 2]])


def measure(reviews: int, folder: Path, fewest: int, options: Sequence[str]) -> MeasuredRun:
    """Runs the main job on so many reviews, in `folder`."""
    file = folder / f"{reviews}.csv"
    write_reviews(reviews, file, fewest)
    return run(folder / f"{reviews}", [f"--csv={file}", *OPTIONS, *options])


def figures_of(few: int, many: int, runs: dict[int, MeasuredRun]) -> list[Figure]:
    """Returns what is worth quoting of the runs on `few` and on `many` reviews."""
    peaks = {reviews: measured.peak_memory for reviews, measured in runs.items()}
    figures = [Figure(f"peak memory, {n:,} reviews", peaks[n], "MiB") for n in (few, many)]
    ratio = peaks[many] / peaks[few]
    figures.append(Figure(f"peak memory, {many:,} over {few:,} reviews", ratio, "", "<= 1.1"))
    for reviews, measured in runs.items():
        figures.append(Figure(f"whole run, {reviews:,} reviews", measured.seconds / 60, "minutes"))
    before = runs[few].component_peaks
    figures += [
        Figure(f"peak grown by the end of {component}", peak - before[component], "MiB")
        for component, peak in runs[many].component_peaks.items()
    ]
    return figures + _costs(few, many, runs)


def _costs(few: int, many: int, runs: dict[int, MeasuredRun]) -> list[Figure]:
    """Returns what each further review costs, in all and in each component."""
    used = {reviews: measured.processor_seconds for reviews, measured in runs.items()}
    totals = {reviews: sum(seconds.values()) for reviews, seconds in used.items()}
    figures = [Figure(f"processor time, {n:,} reviews", totals[n] / 60, "minutes") for n in runs]
    ratio = (totals[many] / many) / (totals[few] / few)
    figures.append(Figure("processor time a review, many over few", ratio, "", "<= 1.1"))
    return figures + [
        Figure(
            f"each further review, {component}",
            1000 * (seconds - used[few][component]) / (many - few),
            "ms",
        )
        for component, seconds in used[many].items()
    ]


def main() -> None:
    """Runs, prints, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--reviews",
        type=int,
        nargs=2,
        default=[25_000, 100_000],
        metavar=("FEW", "MANY"),
        help="(default: 25000 100000)",
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help="texts of one sentence or more, and an encoder of one layer in place of the small "
        "ALBERT: what the pipeline itself costs",
    )
    parser.add_argument("options", nargs="*", help="options of local_runner.py, after --")
    parser.add_argument("--quick", action="store_true", help="200 and 800 reviews")
    add_results_option(parser)
    arguments = parser.parse_args()
    few, many = (200, 800) if arguments.quick else arguments.reviews
    with tempfile.TemporaryDirectory() as folder:
        options = list(arguments.options)
        if arguments.short:
            options.append(f"--encoder={small_encoder.save(Path(folder, 'encoder'))}")
        fewest = 1 if arguments.short else FEWEST_SENTENCES
        runs = {n: measure(n, Path(folder), fewest, options) for n in (few, many)}
    command = f"python benchmarks/memory.py --reviews {few} {many}"
    if arguments.short:
        command += " --short"
    if arguments.options:
        command += f" -- {shlex.join(arguments.options)}"
    publish(figures_of(few, many, runs), command, arguments.results)


if __name__ == "__main__":
    main()
