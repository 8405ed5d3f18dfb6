"""An encoder with TF Hub's text interface, small enough to train; a model that only reads."""

from pathlib import Path

import tensorflow as tf

from albert_tfx.contract import PROBABILITIES, TEXT

VOCABULARY_SIZE = 8000  # that of the embedded preprocessor
POSITIONS = 64
WIDTH = 16


class _Positions(tf.keras.layers.Layer):
    def build(self, shape: tf.TensorShape) -> None:
        self.table = self.add_weight("position_embedding", [POSITIONS, WIDTH], trainable=True)

    def call(self, embedded: tf.Tensor) -> tf.Tensor:
        return embedded + self.table[: tf.shape(embedded)[1]]


def save_encoder(folder: Path, seed: int = 1, has_pooler: bool = True) -> str:
    """Exports an encoder with random weights; returns its folder."""
    tf.keras.utils.set_random_seed(seed)
    inputs = {
        name: tf.keras.Input([None], dtype=tf.int32, name=name)
        for name in ("input_word_ids", "input_mask", "input_type_ids")
    }
    embedded = tf.keras.layers.Embedding(VOCABULARY_SIZE, WIDTH)(inputs["input_word_ids"])
    sequence = tf.keras.layers.Dense(WIDTH, activation="tanh")(_Positions()(embedded))
    pooled = tf.keras.layers.Dense(WIDTH, activation="tanh")(sequence[:, 0])
    outputs = {"sequence_output": sequence, "default": pooled}
    outputs |= {"pooled_output": pooled} if has_pooler else {}
    tf.keras.Model(inputs, outputs).save(folder, include_optimizer=False, save_format="tf")
    return str(folder)


class ScoreReader(tf.Module):
    """Reads its scores off the text; see `artifacts.save_scores`."""

    def __init__(self, first: int, classes: int) -> None:
        super().__init__()
        self._columns = slice(first, first + classes)
        self._names = [f"class {index}" for index in range(classes)]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        text = tf.io.parse_example(examples, {TEXT: tf.io.FixedLenFeature([], tf.string)})[TEXT]
        scores = tf.strings.to_number(tf.strings.split(text)).to_tensor()[:, self._columns]
        names = tf.tile([self._names], [tf.shape(scores)[0], 1])
        return {PROBABILITIES: tf.nn.softmax(scores), "labels": names}
