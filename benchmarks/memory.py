"""Measures how the memory of a run grows with its reviews: it should hardly grow at all.

    python benchmarks/memory.py            # 25,000 and 100,000 reviews
    python benchmarks/memory.py --quick    # 200 and 800

Both runs read a CSV file with texts that are sentences of the sample reviews, put together anew,
and are kept as short as they can be: few tokens, one epoch of each model. Duplicates are only
counted, so that all reviews are trained on. The peak of a run is that of the largest of its
processes. By how much the main process's peak differs between the two at the end of each component
is printed too: where that leaps is the component to look at.
"""

import argparse
import csv
import tempfile
from pathlib import Path

import predictions
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


def write_reviews(count: int, file: Path) -> None:
    """Writes texts with labels that alternate."""
    with file.open("w", newline="", encoding="utf-8") as opened:
        rows = csv.writer(opened)
        rows.writerow(["text", "label"])
        for row, text in enumerate(predictions.lines(count, FEWEST_SENTENCES)):
            rows.writerow([text, LABELS[row % 2]])


def measure(reviews: int, folder: Path) -> MeasuredRun:
    """Runs the main job on so many reviews, in `folder`."""
    file = folder / f"{reviews}.csv"
    write_reviews(reviews, file)
    return run(folder / f"{reviews}", [f"--csv={file}", *OPTIONS])


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
    return figures


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
    parser.add_argument("--quick", action="store_true", help="200 and 800 reviews")
    add_results_option(parser)
    arguments = parser.parse_args()
    few, many = (200, 800) if arguments.quick else arguments.reviews
    with tempfile.TemporaryDirectory() as folder:
        runs = {reviews: measure(reviews, Path(folder)) for reviews in (few, many)}
    command = f"python benchmarks/memory.py --reviews {few} {many}"
    publish(figures_of(few, many, runs), command, arguments.results)


if __name__ == "__main__":
    main()
