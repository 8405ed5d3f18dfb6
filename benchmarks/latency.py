"""Measures how fast an exported model answers, over a Hugging Face transformers pipeline.

    python benchmarks/latency.py            # the small ALBERT: minutes
    python benchmarks/latency.py --quick    # a few texts: shows that it works
    python benchmarks/latency.py --model output/serving/1795569553
    python benchmarks/latency.py --encoder FOLDER --preprocessor FOLDER    # another ALBERT
    python benchmarks/latency.py --engines 'OpenVINO, bfloat16' 'ONNX Runtime, int8'

Text goes in and probabilities come out on both sides: ours by `classify_text` of the SavedModel,
theirs by `pipeline("text-classification")` with random weights of the same shapes and an
`AlbertTokenizer` of the encoder's own vocabulary, truncating to as many tokens. With --engines the
same tokenizer and weights answer by other engines in PyTorch's place, too, at the precision that
their names say; `engine_answers.py` tells what that changes in the answers. Engines want
benchmarks/requirements-inference.txt in the peer's environment.

The texts are sample reviews. One after the other, each a request of its own, they give the latency;
all of them, 32 at a time in the same order, the throughput. All sides are measured in turn, one
idling while another works, and each ratio is the median of the ratios within a round.

Without --model a model is trained first, for a few steps: it answers as fast as one that has
learned.
"""

import argparse
import dataclasses
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

from albert_tfx.options import FLOAT32, INFERENCE_PRECISIONS
from pipelines.presets import BASE_RECIPE, PRESETS, trainer_options

if TYPE_CHECKING:
    from albert_tfx.prediction.pushed_model import PushedModel

BATCH_SIZE = 32
QUICK_TEXTS, QUICK_REPEATS = 32, 2
TRAINING_REVIEWS, TRAINING_BATCH = 64, 16
ALONE, BATCHED, AT_ONCE = "ours, alone", "ours, in batches", "ours, at once"
TRANSFORMERS = "transformers"
ENGINES = ("ONNX Runtime, float32", "ONNX Runtime, int8", "OpenVINO, float32", "OpenVINO, bfloat16")
BARS = {
    TRANSFORMERS: (">= 1.5", ">= 1.5"),
    "ONNX Runtime, int8": (">= 0.8", None),
    "OpenVINO, bfloat16": (None, ">= 0.8"),
}


def measure(
    model: "PushedModel",
    theirs: peer.Peer,
    engines: Sequence[str],
    texts: list[str],
    repeats: int,
) -> dict[str, list[float]]:
    """Returns what ours, and each engine alone and in batches, took: seconds a text."""

    def seconds(requests: Sequence[list[str]]) -> list[float]:
        return [_seconds(model, request) for request in requests]

    alone = [[text] for text in texts]
    batches = [texts[at : at + BATCH_SIZE] for at in range(0, len(texts), BATCH_SIZE)]
    for requests in (alone, batches, [texts]):
        seconds(requests)
    measures = {
        ALONE: lambda: statistics.median(seconds(alone)),
        BATCHED: lambda: sum(seconds(batches)) / len(texts),
        AT_ONCE: lambda: sum(seconds([texts])) / len(texts),
    }
    for engine in engines:
        of_engine = _Engine(theirs, engine, texts)
        of_engine.alone()
        of_engine.in_batches()
        measures[_alone(engine)] = of_engine.alone
        measures[_batched(engine)] = of_engine.in_batches
    return measure_in_turn(measures, repeats)


@dataclasses.dataclass(frozen=True)
class _Engine:
    """One of the peer's engines, asked about texts."""

    theirs: peer.Peer
    name: str
    texts: list[str]

    def alone(self) -> float:
        """Returns the median of the seconds that a text takes alone."""
        return statistics.median(
            self.theirs.ask("answer_alone", texts=self.texts, engine=self.name)
        )

    def in_batches(self) -> float:
        """Returns the mean of the seconds that a text takes in batches."""
        asked = {"texts": self.texts, "batch_size": BATCH_SIZE, "engine": self.name}
        return float(self.theirs.ask("answer_in_batches", **asked)) / len(self.texts)


def _alone(engine: str) -> str:
    return f"{engine}, alone"


def _batched(engine: str) -> str:
    return f"{engine}, in batches"


def _seconds(model: "PushedModel", texts: list[str]) -> float:
    started = time.perf_counter()
    model.probabilities(texts)
    return time.perf_counter() - started


def figures_of(
    found: dict[str, list[float]], engines: Sequence[str], ours: str = "ours"
) -> list[Figure]:
    """Returns what is worth quoting of the measurements, `ours` being what ours is called."""
    medians = {name: statistics.median(values) for name, values in found.items()}
    figures = [
        Figure(f"one review, {ours}, median", 1000 * medians[ALONE], "ms"),
        Figure(f"batches of {BATCH_SIZE}, {ours}", 1 / medians[BATCHED], "reviews/s"),
        Figure(f"all in one request, {ours}", 1 / medians[AT_ONCE], "reviews/s"),
    ]
    for engine in engines:
        alone, batched = _alone(engine), _batched(engine)
        bar_alone, bar_batched = BARS.get(engine, (None, None))
        figures += [
            Figure(f"one review, {engine}, median", 1000 * medians[alone], "ms"),
            Figure(
                f"one review, {ours} over {engine}",
                median_ratio(found[alone], found[ALONE]),
                "times as fast",
                bar_alone,
            ),
            Figure(f"batches of {BATCH_SIZE}, {engine}", 1 / medians[batched], "reviews/s"),
            Figure(
                f"batches of {BATCH_SIZE}, {ours} over {engine}",
                median_ratio(found[batched], found[BATCHED]),
                "times as fast",
                bar_batched,
            ),
        ]
    return figures


def main() -> None:
    """Runs, prints, records."""
    arguments = _parser().parse_args()
    count = QUICK_TEXTS if arguments.quick else arguments.texts
    with peer.start(arguments.peer_python) as theirs, tempfile.TemporaryDirectory() as folder:
        shapes = encoder_shapes.read(arguments.encoder, arguments.layers)
        print(f"encoder: {shapes}\npeer: {theirs.ask('build', config=shapes.albert_config())}")
        engines = [TRANSFORMERS, *arguments.engines]
        theirs.ask(
            "serve",
            vocabulary=str(_vocabulary(arguments.encoder)),
            longest=arguments.sequence_length,
            engines=engines,
        )
        import transformed_reviews

        from albert_tfx.prediction.pushed_model import PushedModel

        model = arguments.model or _made(arguments, Path(folder))
        encoder_shapes.require_within(arguments.encoder, model)
        texts = [str(r["text"]) for r in transformed_reviews.sample_reviews(count, "test")]
        repeats = QUICK_REPEATS if arguments.quick else REPEATS
        found = measure(PushedModel(model), theirs, engines, texts, repeats)
    ours = "ours" if arguments.model else f"ours, {arguments.inference_precision}"
    publish(figures_of(found, engines, ours), _command(arguments), arguments.results)


def _made(arguments: argparse.Namespace, folder: Path) -> Path:
    """Trains a model for a few steps; returns its folder."""
    import transformed_reviews

    from albert_tfx.contract import FINE_TUNED
    from albert_tfx.options import PreprocessingOptions

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
        least_steps=1,
        inference_precision=arguments.inference_precision,
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
    precision = arguments.inference_precision
    command += [] if precision == FLOAT32 else [f"--inference-precision={precision}"]
    engines = ["--engines", *arguments.engines] if arguments.engines else []
    if arguments.quick:
        return shlex.join([*command, "--quick", *engines])
    sizes = [f"--texts={arguments.texts}", f"--sequence-length={arguments.sequence_length}"]
    return shlex.join([*command, *sizes, *engines])


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
        default=PRESETS["sample"].options["sequence_length"],
        metavar="N",
        help="most tokens of a review, as the model was made with (default: the sample's, "
        "%(default)s)",
    )
    parser.add_argument("--texts", type=int, default=256, help="(default: %(default)s)")
    parser.add_argument(
        "--inference-precision",
        choices=INFERENCE_PRECISIONS,
        default=FLOAT32,
        help="of the model that is made (default: %(default)s)",
    )
    parser.add_argument(
        "--engines",
        nargs="+",
        default=[],
        choices=ENGINES,
        metavar="NAME",
        help=f"also measure against these: {'; '.join(ENGINES)}",
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TEXTS} texts")
    peer.add_peer_option(parser)
    add_results_option(parser)
    return parser


if __name__ == "__main__":
    main()
