"""Measures how fast ALBERT is fine-tuned, over Hugging Face transformers on PyTorch.

    python benchmarks/training_throughput.py            # the small ALBERT: minutes
    python benchmarks/training_throughput.py --quick    # a few tiny batches: shows that it works
    python benchmarks/training_throughput.py --encoder FOLDER --batches 5    # ALBERT-base: an hour
    CUDA_VISIBLE_DEVICES=0 python benchmarks/training_throughput.py --encoder FOLDER --batches 50 \
        --precision bfloat16 --peer-python PYTHON    # on one GPU, with a PyTorch that has CUDA

Both have weights of the same shapes, take the same reviews in batches of the same size, use AdamW,
clip gradients to norm 1, have no dropout, and multiply at the same precision: --precision, for the
peer by its `bf16=True` or without. Ours is the train function that the Trainer compiles, fed by its
own input pipeline; theirs is transformers' `Trainer`, as it comes and, where all reviews are of one
length, with its `torch_compile=True`, whose first steps are not counted. Theirs is timed by a
callback from the beginning of its loop to the end of its last step. Both are measured in turn, one
idling while the other works, and each ratio is the median of the ratios of neighbours.

Reviews of varying length are as long as IMDB's are (a log-normal of its published median and mean,
cut to 256 tokens), or those of --dataset: many more than are trained on, so that batches of like
length are as alike as those of a whole data set.

What the arithmetic should cost is 3 forward passes of 2 x tokens x layers x (4 h^2 + 2 h i + 2 L h)
operations (see encoder_shapes.py). The rate of this over the machine's own rate in matrix products
of the same precision says what is left to gain: where the peer reaches a share s of that peak,
nothing can be more than 1 / s times as fast.

On a GPU both sides use it, and the share of its peak says little: a single product takes no longer
than to start it. benchmarks/README.md has the environment with CUDA. None of it has run on a GPU.
"""

import argparse
import dataclasses
import os
import shlex
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # the peer needs memory of the same GPU

import drawn_reviews
import encoder_shapes
import peer
from encoder_shapes import EncoderShapes
from figures import Figure, add_results_option, publish
from in_turn import REPEATS, measure_in_turn, median_ratio

from albert_tfx.options import BFLOAT16, FLOAT32, PRECISION_AUTO, PRECISIONS, XLA_AUTO, XLA_CHOICES

if TYPE_CHECKING:
    from fine_tuning import FineTuning

SEED = 1
OURS, PEAK = "ours, fixed", "matrix products"
FIXED_PEER, COMPILED_PEER = "transformers, fixed", "transformers compiled, fixed"
BUCKETED, PADDED, GROUPED = "ours, varying", "transformers, padded", "transformers, grouped"
# What each precision should reach: over transformers, and over its grouping by length.
BARS = {BFLOAT16: (">= 1.1", ">= 1.3"), FLOAT32: (">= 1.6", ">= 1.5")}


@dataclasses.dataclass(frozen=True)
class Size:
    """How much to measure.

    Attributes:
      batch_size: Reviews in a step.
      batches: Steps in each measurement.
      fixed: Tokens of each review, where all are alike.
      longest: Most tokens of a review, where they vary.
      product: Rows and columns of the largest matrix product.
      repeats: Measurements of each.
      pool: Batches that there are to choose from, where lengths vary.
    """

    batch_size: int
    batches: int
    fixed: int = 128
    longest: int = 256
    product: int = 4096
    repeats: int = REPEATS
    pool: int = 200

    @property
    def reviews(self) -> int:
        """Reviews in each measurement."""
        return self.batch_size * self.batches

    @property
    def to_choose_from(self) -> int:
        """Reviews of varying length."""
        return self.batch_size * max(self.pool, self.batches)


QUICK = Size(batch_size=4, batches=2, fixed=16, longest=32, product=512, repeats=2, pool=8)


def measure(
    shapes: EncoderShapes, size: Size, ours: "FineTuning", theirs: peer.Peer, varying: list
) -> dict[str, list[float]]:
    """Returns, for each of the names above, the reviews/s (of `PEAK`: operations/s) measured.

    Args:
      shapes: Of both models.
      size: How much.
      ours: This project's side.
      theirs: The peer, its model built.
      varying: Token ids of the reviews of varying length.
    """
    fixed = drawn_reviews.draw_ids([size.fixed] * size.reviews, shapes.vocabulary, SEED)

    def rate_of_peer(
        reviews: list, padded_to: int | None = None, grouped: bool = False, compiled: bool = False
    ) -> Callable[[], float]:
        request = {"reviews": reviews, "batch_size": size.batch_size, "batches": size.batches}
        request |= {"padded_to": padded_to, "grouped": grouped, "compiled": compiled}
        request["bfloat16"] = ours.precision == BFLOAT16
        theirs.ask("train", **{**request, "batches": 1})
        return lambda: size.reviews / theirs.ask("train", **request)

    products = [(size.product,) * 3, *shapes.matrix_products(size.batch_size * size.fixed)]
    return measure_in_turn(
        {
            PEAK: lambda: peak(products, ours.precision),
            OURS: ours.rate(fixed, size.fixed, size.batches),
            FIXED_PEER: rate_of_peer(fixed, size.fixed),
            COMPILED_PEER: rate_of_peer(fixed, size.fixed, compiled=True),
            BUCKETED: ours.rate(varying, size.longest, size.batches),
            PADDED: rate_of_peer(varying, size.longest),
            GROUPED: rate_of_peer(varying, grouped=True),
        },
        size.repeats,
    )


def figures_of(
    found: dict[str, list[float]], shapes: EncoderShapes, size: Size, precision: str
) -> list[Figure]:
    """Returns what is worth quoting of the measurements."""
    fixed, varying = f"train, {size.fixed} tokens", f"train, up to {size.longest} tokens"
    both = f"{precision} both"
    over_peer, over_grouped = BARS[precision]
    medians = {name: statistics.median(values) for name, values in found.items()}
    labels = {
        OURS: f"{fixed}, ours",
        FIXED_PEER: f"{fixed}, transformers",
        COMPILED_PEER: f"{fixed}, transformers compiled",
        BUCKETED: f"{varying}, ours",
        PADDED: f"{varying}, transformers, padded",
        GROUPED: f"{varying}, transformers, grouped",
    }
    ratios = [
        (f"{fixed}, over transformers", OURS, FIXED_PEER, over_peer),
        (f"{fixed}, over transformers compiled", OURS, COMPILED_PEER, over_peer),
        (f"{varying}, over padding to {size.longest}", BUCKETED, PADDED, None),
        (f"{varying}, over grouping by length", BUCKETED, GROUPED, over_grouped),
    ]
    figures = [
        Figure(f"{label}, {precision}", medians[name], "reviews/s")
        for name, label in labels.items()
    ]
    figures += [
        Figure(f"{label}, {both}", median_ratio(found[over], found[under]), "times", bar)
        for label, over, under, bar in ratios
    ]
    return figures + _shares(found, shapes.train_flops(1, size.fixed), size, precision)


def _shares(
    found: dict[str, list[float]], operations: int, size: Size, precision: str
) -> list[Figure]:
    """Returns the peak of `precision`, and what part of it a review's `operations` run at."""
    name = f"share of the peak of {precision}, {size.fixed} tokens"
    peak_rate = statistics.median(found[PEAK])
    return [Figure(f"{precision} matrix products, peak", peak_rate / 1e9, "GFLOP/s")] + [
        Figure(
            f"{name}, {side}",
            median_ratio([operations * rate for rate in found[measured]], found[PEAK]),
            "",
            bar,
        )
        for side, measured, bar in (
            ("ours", OURS, ">= 0.65"),
            ("transformers", FIXED_PEER, None),
        )
    ]


def peak(products: Sequence[tuple[int, int, int]], precision: str, tries: int = 3) -> float:
    """Returns the best rate, in operations/s, of products of (rows, inner, columns)."""
    return max(_rate_of_product(*sizes, precision) for sizes in products for _ in range(tries))


def _rate_of_product(rows: int, inner: int, columns: int, precision: str) -> float:
    """Returns operations/s; bfloat16 is multiplied by XLA and summed in float32, as we train."""
    import tensorflow as tf

    from albert_tfx.engine.products import product

    multiply = tf.function(product, jit_compile=precision == BFLOAT16)
    one, other = (
        tf.cast(tf.random.normal(shape), precision) for shape in ([rows, inner], [inner, columns])
    )
    float(multiply(one, other)[0, 0])
    started = time.monotonic()
    float(multiply(one, other)[0, 0])
    return 2 * rows * inner * columns / (time.monotonic() - started)


def main() -> None:
    """Runs, prints, records."""
    arguments = _parser().parse_args()
    size = QUICK if arguments.quick else Size(arguments.batch_size, arguments.batches)
    with peer.start(arguments.peer_python) as theirs, tempfile.TemporaryDirectory() as folder:
        shapes = encoder_shapes.read(arguments.encoder, arguments.layers)
        print(f"encoder: {shapes}\npeer: {theirs.ask('build', config=shapes.albert_config())}")
        from fine_tuning import FineTuning

        chosen = {"xla": arguments.xla, "precision": arguments.precision}
        ours = FineTuning(arguments.encoder, size.batch_size, Path(folder), **chosen)
        reviews = _varying_reviews(arguments, shapes, size)
        found = measure(shapes, size, ours, theirs, reviews)
    figures = figures_of(found, shapes, size, ours.precision)
    publish(figures, _command(arguments), arguments.results)


def _varying_reviews(
    arguments: argparse.Namespace, shapes: EncoderShapes, size: Size
) -> list[list[int]]:
    if arguments.dataset and not arguments.quick:
        return drawn_reviews.real_ids(
            arguments.dataset, arguments.preprocessor, size.to_choose_from, size.longest
        )
    lengths = drawn_reviews.draw_lengths(size.to_choose_from, size.longest, SEED)
    return drawn_reviews.draw_ids(lengths.tolist(), shapes.vocabulary, SEED)


def _command(arguments: argparse.Namespace) -> str:
    """Returns the command that repeats it, without the folders of this machine."""
    encoder = encoder_shapes.command_option(arguments.encoder)
    command = ["python", "benchmarks/training_throughput.py", *encoder]
    if arguments.quick:
        return shlex.join([*command, "--quick"])
    if arguments.dataset:
        command.append(f"--dataset={arguments.dataset}")
    if arguments.xla != XLA_AUTO:
        command.append(f"--xla={arguments.xla}")
    if arguments.precision != PRECISION_AUTO:
        command.append(f"--precision={arguments.precision}")
    sizes = [f"--batch-size={arguments.batch_size}", f"--batches={arguments.batches}"]
    return shlex.join([*command, *sizes])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    encoder_shapes.add_encoder_options(parser)
    parser.add_argument("--batch-size", type=int, default=16, help="(default: %(default)s)")
    parser.add_argument(
        "--batches", type=int, default=24, help="steps in a measurement (default: %(default)s)"
    )
    parser.add_argument(
        "--dataset", help="TFDS data set whose reviews to take (default: as long as IMDB's)"
    )
    parser.add_argument(
        "--xla",
        choices=XLA_CHOICES,
        default=XLA_AUTO,
        help="compile our encoder, as local_runner.py's option does (default: %(default)s)",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=PRECISION_AUTO,
        help="of both sides' products, as local_runner.py's option (default: %(default)s)",
    )
    parser.add_argument("--quick", action="store_true", help="a few tiny batches")
    peer.add_peer_option(parser)
    add_results_option(parser)
    return parser


if __name__ == "__main__":
    main()
