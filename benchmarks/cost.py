"""Measures and draws what a review costs, by its length and by how many there are.

    python benchmarks/cost.py                   # the small ALBERT; some minutes on two cores
    python benchmarks/cost.py --encoder FOLDER  # any other
    python benchmarks/cost.py --quick           # shows that it works

Training is an epoch of fine-tuning without its validation, embedding one pass of the frozen
encoder; both over token ids in memory, in the pipeline's own batches. Each point is the median of
five. The slope is the exponent of length or number in a power law fitted to the points (least
squares on logarithms): 1 is linear.
"""

import argparse
import dataclasses
import functools
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figure, add_results_option, publish

PROJECT = Path(__file__).resolve().parents[1]
PLOT = PROJECT / "docs" / "cost.png"
LENGTHS, NUMBERS, REPEATS = (64, 128, 256, 512), (250, 500, 1000, 2000), 5
REVIEWS, LENGTH, BATCH_SIZE = 128, 128, 16


@dataclasses.dataclass(frozen=True)
class Curve:
    """How seconds depend on one size.

    Attributes:
      name: What is done: `training` or `embedding`.
      sizes: Tokens of a review, or reviews.
      seconds: For each size.
    """

    name: str
    sizes: Sequence[int]
    seconds: Sequence[float]

    @property
    def slope(self) -> float:
        """Exponent of the size in the power law that fits best."""
        return float(np.polyfit(np.log(self.sizes), np.log(self.seconds), 1)[0])


class Work:
    """Training and embedding of reviews of random tokens."""

    def __init__(self, encoder: str) -> None:
        """Loads the encoder, once to be trained and once to be left as it is."""
        from fine_tuning import train_function

        from albert_tfx.modeling.encoder import PooledEncoder
        from albert_tfx.options import TrainerOptions

        self._step = train_function(TrainerOptions(model="fine_tuned", encoder=encoder))
        frozen = PooledEncoder(encoder, "mean", trainable=False)
        self._embed = frozen.compiled_inference()

    def training(self, reviews: int, length: int) -> float:
        """Returns the seconds of training on so many reviews of so many tokens."""
        from albert_tfx.modeling.batches import training_batches

        batches = iter(training_batches(_reviews(reviews, length), BATCH_SIZE, 1, [length]))
        started = time.monotonic()
        for _ in range(reviews // BATCH_SIZE):
            self._step(batches)["loss"].numpy()
        return time.monotonic() - started

    def embedding(self, reviews: int, length: int) -> float:
        """Returns the seconds of embedding so many reviews of so many tokens."""
        from albert_tfx.modeling.batches import evaluation_batches

        started = time.monotonic()
        for ids, _ in evaluation_batches(_reviews(reviews, length), BATCH_SIZE, [length]):
            self._embed(ids).numpy()
        return time.monotonic() - started


def curve(name: str, sizes: Sequence[int], seconds: Callable[[int], float], repeats: int) -> Curve:
    """Returns the median of `repeats` measurements at each size, after one that does not count."""
    medians = []
    for size in sizes:
        seconds(size)
        medians.append(statistics.median(seconds(size) for _ in range(repeats)))
        print(f"{name}, {size}: {medians[-1]:.2f} s", file=sys.stderr)
    return Curve(name, sizes, medians)


def draw(by_length: Sequence[Curve], by_number: Sequence[Curve], reviews: int, path: Path) -> None:
    """Draws both dependencies side by side, on logarithmic axes."""
    from albert_tfx.report import plot_style

    figure = plot_style.new_figure(plot_style.WIDE, 4.2)
    left, right = figure.subplots(1, 2)
    plot_style.title(figure, "What a review costs grows with its length; reviews cost alike")
    for axes, curves, label, share in (
        (left, by_length, "tokens of a review", reviews),
        (right, by_number, f"reviews of {LENGTH} tokens", 1),
    ):
        for line, style in zip(curves, ("o-", "s--"), strict=True):
            values = [1000 * s / share if share > 1 else s for s in line.seconds]
            axes.loglog(line.sizes, values, style, label=f"{line.name}, slope {line.slope:.2f}")
        axes.set_xlabel(label)
        axes.set_ylabel("milliseconds a review" if share > 1 else "seconds")
        axes.set_xticks(curves[0].sizes, labels=[f"{size:,}" for size in curves[0].sizes])
        axes.minorticks_off()
        axes.legend(frameon=False)
        plot_style.tidy(axes, "both")
    plot_style.save(figure, str(path))


def _reviews(count: int, length: int) -> Any:
    """Returns a `tf.data.Dataset` of pairs of ids and label."""
    import tensorflow as tf

    ids = np.random.default_rng(1).integers(5, 8000, [count, length]).astype(np.int32)
    return tf.data.Dataset.from_tensor_slices((ids, np.arange(count) % 2))


def main() -> None:
    """Measures, prints, draws, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--encoder",
        default="asset://albert_en_mini",
        metavar="FOLDER",
        help="(default: %(default)s)",
    )
    parser.add_argument(
        "--plot", type=Path, default=PLOT, metavar="PATH", help="(default: docs/cost.png)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="few reviews, measured once; no plot kept"
    )
    add_results_option(parser)
    arguments = parser.parse_args()
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    work = Work(arguments.encoder)
    reviews, repeats = (BATCH_SIZE, 1) if arguments.quick else (REVIEWS, REPEATS)
    numbers = NUMBERS[:2] if arguments.quick else NUMBERS
    jobs = {"training": work.training, "embedding": work.embedding}
    by_length = [
        curve(name, LENGTHS, functools.partial(job, reviews), repeats) for name, job in jobs.items()
    ]
    by_number = [
        curve(name, numbers, functools.partial(job, length=LENGTH), repeats)
        for name, job in jobs.items()
    ]
    if not arguments.quick:
        draw(by_length, by_number, reviews, arguments.plot)
    figures = [
        Figure(f"{line.name}, {size} tokens", 1000 * seconds / reviews, "ms a review")
        for line in by_length
        for size, seconds in zip(line.sizes, line.seconds, strict=True)
    ]
    figures += [Figure(f"{c.name}, slope by length", c.slope, "", "about 1") for c in by_length]
    figures += [Figure(f"{c.name}, slope by number", c.slope, "", "about 1") for c in by_number]
    quick = " --quick" if arguments.quick else ""
    command = f"python benchmarks/cost.py --encoder {arguments.encoder}{quick}"
    publish(figures, command, arguments.results)


if __name__ == "__main__":
    main()
