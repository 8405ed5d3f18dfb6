"""Measures what it saves to run the frozen encoder once a review, not once a review and epoch.

    python benchmarks/frozen_arm.py            # 2,000 sample reviews
    python benchmarks/frozen_arm.py --quick    # 64 of them: shows that it works
    python benchmarks/frozen_arm.py --encoder FOLDER --preprocessor FOLDER --reviews 200

Both sides start from the same token ids on disk and end with a head that ten epochs have trained,
in the same buckets and batches. The naive one is the classic script: one Keras model, encoder and
head, of which the encoder is not trainable, and `fit`. Of its epochs two are measured: the first,
in which TensorFlow traces, counts once, the second nine times. Ours is EmbeddingGen, by Beam, which
reads the ids and writes the vectors; then the head, trained on these as the Trainer does, with its
checkpoints. All of that counts, on both sides the loading of the encoder too.

Then, that nothing of it is repeated: `local_runner.py` runs twice into one folder, the second time
with another learning rate of the head.
"""

import argparse
import os
import shlex
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import encoder_shapes
import measured_run
from figures import Figure, add_results_option, publish
from in_turn import REPEATS, measure_in_turn, median_ratio

if TYPE_CHECKING:
    from head_training import HeadTraining

EPOCHS, MEASURED_EPOCHS = 10, 2
QUICK_REVIEWS, QUICK_REPEATS, QUICK_LENGTH = 64, 1, 16
NAIVE, OURS, EMBEDDING = "encoder in every epoch", "EmbeddingGen, then the head", "EmbeddingGen"
RUN = ["--max-examples=60", "--frozen-epochs=1", "--fine-tuned-epochs=1"]
FIRST_HEAD, SECOND_HEAD = "--frozen-learning-rate=0.002", "--frozen-learning-rate=0.004"


def measure(training: "HeadTraining", repeats: int) -> dict[str, list[float]]:
    """Returns the seconds that each of the names above took."""
    embedding: list[float] = []

    def ours() -> float:
        started = time.monotonic()
        embeddings = training.embed()
        embedding.append(time.monotonic() - started)
        training.fit_head(embeddings, EPOCHS)
        return time.monotonic() - started

    found = measure_in_turn({NAIVE: lambda: naive_seconds(training), OURS: ours}, repeats)
    return {**found, EMBEDDING: embedding}


def naive_seconds(training: "HeadTraining") -> float:
    """Returns what `EPOCHS` epochs through the encoder take."""
    started = time.monotonic()
    ends = training.fit_through_encoder(MEASURED_EPOCHS)
    return extrapolated(started, ends, EPOCHS)


def extrapolated(started: float, ends: list[float], epochs: int) -> float:
    """Returns the seconds of so many epochs, the last measured standing for those after it.

    Args:
      started: When the first began, whatever came before it included.
      ends: When each of the measured ones ended, two at least.
      epochs: How many there are to be.
    """
    return ends[-1] - started + (epochs - len(ends)) * (ends[-1] - ends[-2])


def embedded_again(folder: Path) -> int:
    """Returns how many reviews a second run embeds, of which only the head is another."""
    measured_run.run(folder, [*RUN, FIRST_HEAD])
    again = measured_run.run(folder, [*RUN, SECOND_HEAD])
    if "Trainer.frozen" in again.cached:
        raise SystemExit("error: the second run did not train another head")
    reviews = sum(again.summary.examples[split] for split in ("train", "eval"))
    return 0 if "EmbeddingGen" in again.cached else reviews


def figures_of(found: dict[str, list[float]], reviews: int, again: int) -> list[Figure]:
    """Returns what is worth quoting of the measurements."""
    medians = {name: statistics.median(values) for name, values in found.items()}
    return [
        Figure(f"{EPOCHS} epochs, {reviews:,} reviews, {NAIVE}", medians[NAIVE], "s"),
        Figure(f"{EPOCHS} epochs, {reviews:,} reviews, {OURS}", medians[OURS], "s"),
        Figure(f"of these {EMBEDDING}", medians[EMBEDDING], "s"),
        Figure(f"{NAIVE}, over once", median_ratio(found[NAIVE], found[OURS]), "times", ">= 8"),
        Figure("reviews embedded again for another head", again, "reviews", "0"),
    ]


def main() -> None:
    """Runs, prints, records."""
    arguments = _parser().parse_args()
    quick = arguments.quick
    reviews = QUICK_REVIEWS if quick else arguments.reviews
    with tempfile.TemporaryDirectory() as folder:
        from head_training import HeadTraining

        training = HeadTraining(
            arguments.encoder,
            encoder_shapes.read(arguments.encoder, arguments.layers).hidden,
            arguments.preprocessor,
            QUICK_LENGTH if quick else arguments.sequence_length,
            reviews,
            Path(folder, "reviews"),
        )
        found = measure(training, QUICK_REPEATS if quick else REPEATS)
        again = embedded_again(Path(folder, "runs"))
    print(f"of the {EPOCHS} epochs of {NAIVE}, {MEASURED_EPOCHS} were measured")
    publish(figures_of(found, reviews, again), _command(arguments), arguments.results)


def _command(arguments: argparse.Namespace) -> str:
    encoder = encoder_shapes.command_option(arguments.encoder)
    command = ["python", "benchmarks/frozen_arm.py", *encoder]
    if arguments.quick:
        return shlex.join([*command, "--quick"])
    sizes = [f"--reviews={arguments.reviews}", f"--sequence-length={arguments.sequence_length}"]
    return shlex.join([*command, *sizes])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    encoder_shapes.add_encoder_options(parser)
    parser.add_argument("--reviews", type=int, default=2000, help="(default: %(default)s)")
    parser.add_argument(
        "--sequence-length",
        type=int,
        default=96,
        metavar="N",
        help="most tokens of a review (default: %(default)s)",
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_REVIEWS} reviews, once")
    add_results_option(parser)
    return parser


if __name__ == "__main__":
    main()
