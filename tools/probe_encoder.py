"""Measures what a frozen encoder knows: logistic regression on its vectors of IMDB reviews.

    python tools/probe_encoder.py                                  # the whole dataset
    python tools/probe_encoder.py --max-examples 4000              # a quick look
    python tools/probe_encoder.py --encoder DIR --preprocessor DIR --sequence-length 128

Choose by the held-out part of `train` (the default), and look at `--split test` once.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import time

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

EVALUATION_SPLITS = {"eval": ("train[:80%]", "train[80%:]"), "test": ("train", "test")}


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    folder = pathlib.Path("assets")
    parser.add_argument("--encoder", type=pathlib.Path, default=folder / "albert_en_mini")
    parser.add_argument(
        "--preprocessor", type=pathlib.Path, default=folder / "albert_en_mini_preprocess"
    )
    parser.add_argument("--split", choices=EVALUATION_SPLITS, default="eval")
    parser.add_argument("--max-examples", type=int, help="of each part (default: all)")
    parser.add_argument("--sequence-length", type=int, default=256, help="(default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    return parser.parse_args(arguments)


def load_examples(split: str, limit: int | None, seed: int) -> tuple[list[str], np.ndarray]:
    """Reads reviews and labels, in a random order, at most `limit`."""
    import tensorflow_datasets as tfds
    from albert_pretraining.corpus import LINE_BREAK

    examples = list(tfds.as_numpy(tfds.load("imdb_reviews", split=split, shuffle_files=False)))
    order = np.random.default_rng(seed).permutation(len(examples))[:limit]
    texts = [LINE_BREAK.sub(" ", examples[index]["text"].decode("utf-8")) for index in order]
    return texts, np.array([examples[index]["label"] for index in order])


class Embedder:
    """Turns texts into vectors with an exported encoder and preprocessor.

    Args:
      encoder: folder of the encoder.
      preprocessor: folder of the preprocessor.
      length: the most tokens read of a text, special ones included.
      batch_size: texts at a time.
    """

    def __init__(
        self, encoder: pathlib.Path, preprocessor: pathlib.Path, length: int, batch_size: int
    ):
        import tensorflow as tf
        import tensorflow_hub as hub
        import tensorflow_text  # noqa: F401  registers the text ops

        self._encoder = hub.load(str(encoder))
        self._preprocessor = hub.load(str(preprocessor))
        self._length = length
        self._batch_size = batch_size
        self._pool = tf.function(self._pool_batch, reduce_retracing=True)

    def __call__(self, texts: list[str]) -> dict[str, np.ndarray]:
        """Returns `[texts, hidden]` float32 for every pooling.

        Texts of like length go together, so that little padding is computed.
        """
        import tensorflow as tf

        order = np.argsort([len(text) for text in texts], kind="stable")
        parts = []
        for start in range(0, len(texts), self._batch_size):
            chosen = [texts[index] for index in order[start : start + self._batch_size]]
            tokens = self._preprocessor.tokenize(tf.constant(chosen))
            longest = int(tf.reduce_max(tokens.row_lengths())) + 2
            inputs = self._preprocessor.bert_pack_inputs([tokens], min(self._length, longest))
            parts.append({key: value.numpy() for key, value in self._pool(inputs).items()})
        back = np.argsort(order)
        return {key: np.concatenate([part[key] for part in parts])[back] for key in parts[0]}

    def _pool_batch(self, inputs):
        import tensorflow as tf

        outputs = self._encoder(inputs)
        mask = tf.cast(inputs["input_mask"], tf.float32)[..., tf.newaxis]

        def mean(sequence):
            return tf.reduce_sum(sequence * mask, axis=1) / tf.reduce_sum(mask, axis=1)

        layers = enumerate(outputs["encoder_outputs"], start=1)
        means = {f"mean of layer {number}": mean(layer) for number, layer in layers}
        return {**means, "pooled_output": outputs["pooled_output"]}


def probe_accuracy(
    train: np.ndarray, train_labels: np.ndarray, held_out: np.ndarray, held_out_labels: np.ndarray
) -> float:
    """Returns the accuracy of a standardised logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    return float(classifier.fit(train, train_labels).score(held_out, held_out_labels))


def main() -> None:
    """Prints one line for each pooling."""
    arguments = parse_arguments()
    train_split, held_out_split = EVALUATION_SPLITS[arguments.split]
    embed = Embedder(
        arguments.encoder, arguments.preprocessor, arguments.sequence_length, arguments.batch_size
    )
    parts = []
    for split in (train_split, held_out_split):
        texts, labels = load_examples(split, arguments.max_examples, arguments.seed)
        begun = time.monotonic()
        parts.append((embed(texts), labels))
        print(f"{split}: {len(texts) / (time.monotonic() - begun):.0f} reviews/s", flush=True)
    (train, train_labels), (held_out, held_out_labels) = parts
    for pooling in train:
        accuracy = probe_accuracy(train[pooling], train_labels, held_out[pooling], held_out_labels)
        print(
            f"{pooling:16s} accuracy {accuracy:.4f} on {len(held_out_labels)} of {held_out_split}"
        )


if __name__ == "__main__":
    main()
