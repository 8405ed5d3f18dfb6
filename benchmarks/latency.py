"""Measures how fast an exported model answers, over a Hugging Face transformers pipeline.

    python benchmarks/latency.py            # the small ALBERT: minutes
    python benchmarks/latency.py --quick    # a few texts: shows that it works
    python benchmarks/latency.py --model output/serving/1795569553
    python benchmarks/latency.py --encoder FOLDER --preprocessor FOLDER    # another ALBERT

Text goes in and probabilities come out on both sides: ours by `classify_text` of the SavedModel,
theirs by `pipeline("text-classification")` with random weights of the same shapes and an
`AlbertTokenizer` of the encoder's own vocabulary, truncating to as many tokens. The texts are
sample reviews. One after the other, each a request of its own, they give the latency; all of them,
32 at a time in the same order, the throughput. Both are measured in turn, one idling while the
other works, and each ratio is the median of the ratios of neighbours.

Without --model a model is trained first, for a few steps: it answers as fast as one that has
learned.
"""

import argparse
import os
import shlex
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import encoder_shapes
import peer
from figures import Figure, add_results_option, publish
from in_turn import REPEATS, measure_in_turn, median_ratio

if TYPE_CHECKING:
    from albert_tfx.prediction.pushed_model import PushedModel

BATCH_SIZE = 32
QUICK_TEXTS, QUICK_REPEATS = 32, 2
TRAINING_REVIEWS, TRAINING_BATCH = 64, 16
ALONE, BATCHED, AT_ONCE = "ours, alone", "ours, in batches", "ours, at once"
PEER_ALONE, PEER_BATCHED = "transformers, alone", "transformers, in batches"


def measure(
    model: "PushedModel", theirs: peer.Peer, texts: list[str], repeats: int
) -> dict[str, list[float]]:
    """Returns what each of the names above took: seconds a text."""

    def seconds(requests: Sequence[list[str]]) -> list[float]:
        return [_seconds(model, request) for request in requests]

    alone = [[text] for text in texts]
    batches = [texts[at : at + BATCH_SIZE] for at in range(0, len(texts), BATCH_SIZE)]
    batched = {"texts": texts, "batch_size": BATCH_SIZE}
    for requests in (alone, batches, [texts]):
        seconds(requests)
    theirs.ask("answer_alone", texts=texts)
    theirs.ask("answer_in_batches", **batched)
    return measure_in_turn(
        {
            ALONE: lambda: statistics.median(seconds(alone)),
            PEER_ALONE: lambda: statistics.median(theirs.ask("answer_alone", texts=texts)),
            BATCHED: lambda: sum(seconds(batches)) / len(texts),
            PEER_BATCHED: lambda: theirs.ask("answer_in_batches", **batched) / len(texts),
            AT_ONCE: lambda: sum(seconds([texts])) / len(texts),
        },
        repeats,
    )


def _seconds(model: "PushedModel", texts: list[str]) -> float:
    started = time.perf_counter()
    model.probabilities(texts)
    return time.perf_counter() - started


def figures_of(found: dict[str, list[float]]) -> list[Figure]:
    """Returns what is worth quoting of the measurements."""
    medians = {name: statistics.median(values) for name, values in found.items()}
    return [
        Figure("one review, ours, median", 1000 * medians[ALONE], "ms"),
        Figure("one review, transformers, median", 1000 * medians[PEER_ALONE], "ms"),
        Figure(
            "one review, over transformers",
            median_ratio(found[PEER_ALONE], found[ALONE]),
            "times as fast",
            ">= 1.5",
        ),
        Figure(f"batches of {BATCH_SIZE}, ours", 1 / medians[BATCHED], "reviews/s"),
        Figure(f"batches of {BATCH_SIZE}, transformers", 1 / medians[PEER_BATCHED], "reviews/s"),
        Figure(
            f"batches of {BATCH_SIZE}, over transformers",
            median_ratio(found[PEER_BATCHED], found[BATCHED]),
            "times as fast",
            ">= 1.5",
        ),
        Figure("all in one request, ours", 1 / medians[AT_ONCE], "reviews/s"),
    ]


def main() -> None:
    """Runs, prints, records."""
    arguments = _parser().parse_args()
    count = QUICK_TEXTS if arguments.quick else arguments.texts
    with peer.start(arguments.peer_python) as theirs, tempfile.TemporaryDirectory() as folder:
        shapes = encoder_shapes.read(arguments.encoder, arguments.layers)
        print(f"encoder: {shapes}\npeer: {theirs.ask('build', config=shapes.albert_config())}")
        theirs.ask(
            "serve",
            vocabulary=str(_vocabulary(arguments.encoder)),
            longest=arguments.sequence_length,
        )
        import transformed_reviews

        from albert_tfx.prediction.pushed_model import PushedModel

        model = arguments.model or _made(arguments, Path(folder))
        encoder_shapes.require_within(arguments.encoder, model)
        texts = [str(r["text"]) for r in transformed_reviews.sample_reviews(count, "test")]
        repeats = QUICK_REPEATS if arguments.quick else REPEATS
        found = measure(PushedModel(model), theirs, texts, repeats)
    publish(figures_of(found), _command(arguments), arguments.results)


def _made(arguments: argparse.Namespace, folder: Path) -> Path:
    """Trains a model for a few steps; returns its folder."""
    import transformed_reviews

    from albert_tfx.contract import FINE_TUNED
    from albert_tfx.options import PreprocessingOptions
    from pipelines.presets import BASE_RECIPE, trainer_options

    length = arguments.sequence_length
    transformed = transformed_reviews.transform(
        transformed_reviews.sample_reviews(TRAINING_REVIEWS),
        PreprocessingOptions(arguments.preprocessor, length),
        folder,
    )
    options = trainer_options(
        FINE_TUNED,
        BASE_RECIPE,
        encoder=str(arguments.encoder),
        sequence_length=length,
        batch_size=TRAINING_BATCH,
        epochs=1,
    )
    return transformed_reviews.train(transformed, options, folder)


def _vocabulary(encoder: Path) -> Path:
    found = list((encoder / "assets").glob("*.model"))
    if len(found) != 1:
        raise SystemExit(f"error: {encoder} has no SentencePiece vocabulary assets/*.model")
    return found[0]


def _command(arguments: argparse.Namespace) -> str:
    """Returns the command that repeats it, without the folders of this machine."""
    encoder = encoder_shapes.command_option(arguments.encoder)
    command = ["python", "benchmarks/latency.py", *encoder]
    if arguments.quick:
        return shlex.join([*command, "--quick"])
    sizes = [f"--texts={arguments.texts}", f"--sequence-length={arguments.sequence_length}"]
    return shlex.join([*command, *sizes])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, metavar="FOLDER", help="a pushed model (default: one is made)"
    )
    encoder_shapes.add_encoder_options(parser)
    parser.add_argument(
        "--sequence-length",
        type=int,
        default=96,
        metavar="N",
        help="most tokens of a review, as the model was made with (default: %(default)s)",
    )
    parser.add_argument("--texts", type=int, default=256, help="(default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TEXTS} texts")
    peer.add_peer_option(parser)
    add_results_option(parser)
    return parser


if __name__ == "__main__":
    main()
