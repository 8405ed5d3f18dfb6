"""Measures what inference in bfloat16 takes, over the same in float32.

    python benchmarks/inference_precision.py            # the small ALBERT: minutes
    python benchmarks/inference_precision.py --quick    # a tiny batch: shows that it works
    python benchmarks/inference_precision.py --encoder FOLDER

Embedding is a batch of EmbeddingGen's, uncompiled. The exported model is the SavedModel that a
Trainer writes, with an untrained head: a request of as many texts, all of at least as many tokens,
and a request of one of them. Both precisions run in one process, in turn, and are measured in
processor seconds over the number of cores: other work on the machine counts little.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from figures import Figure, add_results_option, publish
from in_turn import REPEATS, measure_in_turn, median_ratio, processor_seconds

from albert_tfx.options import BFLOAT16, FLOAT32, INFERENCE_PRECISIONS

MINI = Path(__file__).resolve().parents[1] / "assets" / "albert_en_mini"
EMBEDDING, EXPORTED, ALONE = "embedding", "exported model", "exported model, one text"
_REVIEWS, _CLASSES = 64, ("negative", "positive")


def measure(
    encoder: Path, batch_size: int, tokens: int, repeats: int
) -> dict[tuple[str, str], list[float]]:
    """Returns the seconds of each call by what was measured and the precision."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer, texts = _texts(batch_size, tokens, Path(folder))
        of_precision = {
            each: _calls(encoder, each, tokenizer, texts, tokens, Path(folder))
            for each in INFERENCE_PRECISIONS
        }
        calls = {
            (name, each): of_precision[each][name]
            for name in (EMBEDDING, EXPORTED, ALONE)
            for each in INFERENCE_PRECISIONS
        }
        for call in calls.values():
            call()
            call()
        timed = {
            _key(*name): (lambda call=call: processor_seconds(call)) for name, call in calls.items()
        }
        found = measure_in_turn(timed, repeats)
    return {name: found[_key(*name)] for name in calls}


def _key(name: str, precision: str) -> str:
    return f"{name}, {precision}"


def _texts(batch_size: int, tokens: int, folder: Path) -> tuple[Any, list[bytes]]:
    """Returns the tokenizer of Transform's graph, and texts of at least as many tokens."""
    import tensorflow_transform as tft
    import transformed_reviews

    from albert_tfx.modeling.serving_model import Tokenizer
    from albert_tfx.options import PreprocessingOptions
    from pipelines.presets import MINI_PREPROCESSOR

    reviews = transformed_reviews.sample_reviews(_REVIEWS)
    options = PreprocessingOptions(MINI_PREPROCESSOR, tokens)
    made = transformed_reviews.transform(reviews, options, folder)
    long = [f"{review['text']} " * tokens for review in reviews]
    texts = [long[index % len(long)].encode() for index in range(batch_size)]
    return Tokenizer(tft.TFTransformOutput(made.graph)), texts


def _calls(
    encoder: Path, precision: str, tokenizer: Any, texts: list[bytes], tokens: int, folder: Path
) -> dict[str, Callable[[], Any]]:
    import numpy as np
    import tensorflow as tf

    from albert_tfx.contract import CLASSIFY_TEXT, FINE_TUNED
    from albert_tfx.modeling import training
    from albert_tfx.modeling.serving_model import TextServer
    from albert_tfx.options import TrainerOptions

    options = TrainerOptions(FINE_TUNED, str(encoder), inference_precision=precision)
    classifier = training.build(options, len(_CLASSES))
    shares = np.full(len(_CLASSES), 1 / len(_CLASSES), np.float32)
    server = TextServer(tokenizer, classifier, _CLASSES, shares, most_tokens=tokens)
    server.export(str(folder / precision))
    loaded = tf.saved_model.load(str(folder / precision))
    embed = tf.function(classifier.encoder, reduce_retracing=True)
    ids = tf.random.stateless_uniform([len(texts), tokens], [1, 2], 5, 1000, tf.int32)
    asked = {EXPORTED: tf.constant(texts), ALONE: tf.constant(texts[:1])}

    def ask(name: str) -> Any:
        return loaded.signatures[CLASSIFY_TEXT](text=asked[name])["probabilities"].numpy()

    return {
        EMBEDDING: lambda: embed(ids).numpy(),
        EXPORTED: lambda: ask(EXPORTED),
        ALONE: lambda: ask(ALONE),
    }


def figures_of(found: dict[tuple[str, str], list[float]], what: str) -> list[Figure]:
    """Returns what is worth quoting."""
    figures = []
    for name in dict.fromkeys(name for name, _ in found):
        figures += [
            *(
                Figure(f"{name}, {what}, {each}", statistics.median(found[name, each]), "s")
                for each in INFERENCE_PRECISIONS
            ),
            Figure(
                f"{name}, {what}, {BFLOAT16} over {FLOAT32}",
                median_ratio(found[name, FLOAT32], found[name, BFLOAT16]),
                "times as fast",
            ),
        ]
    return figures


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tiny batch")
    parser.add_argument("--encoder", type=Path, default=MINI, help="folder of an encoder")
    parser.add_argument("--batch-size", type=int, default=32, help="texts in a batch")
    parser.add_argument("--tokens", type=int, default=128, help="of each text")
    add_results_option(parser)
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.batch_size, chosen.tokens = 2, 8
    repeats = 2 if chosen.quick else REPEATS
    found = measure(chosen.encoder, chosen.batch_size, chosen.tokens, repeats)
    command = "python benchmarks/inference_precision.py"
    if chosen.quick:
        command += " --quick"
    elif chosen.encoder != MINI:
        command += f" --encoder FOLDER --batch-size {chosen.batch_size} --tokens {chosen.tokens}"
    publish(figures_of(found, f"{chosen.batch_size} x {chosen.tokens}"), command, chosen.results)


if __name__ == "__main__":
    main()
