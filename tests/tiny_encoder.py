"""An encoder with TF Hub's text interface, small enough to train within a test."""

from pathlib import Path

import tensorflow as tf

VOCABULARY_SIZE = 8000  # that of the embedded preprocessor
POSITIONS = 64
WIDTH = 16


class _Positions(tf.keras.layers.Layer):
    def build(self, shape: tf.TensorShape) -> None:
        self.table = self.add_weight("position_embedding", [POSITIONS, WIDTH], trainable=True)

    def call(self, embedded: tf.Tensor) -> tf.Tensor:
        return embedded + self.table[: tf.shape(embedded)[1]]


def save(folder: Path, seed: int = 1) -> str:
    """Exports an encoder with random weights; returns its folder."""
    tf.keras.utils.set_random_seed(seed)
    inputs = {
        name: tf.keras.Input([None], dtype=tf.int32, name=name)
        for name in ("input_word_ids", "input_mask", "input_type_ids")
    }
    embedded = tf.keras.layers.Embedding(VOCABULARY_SIZE, WIDTH)(inputs["input_word_ids"])
    sequence = tf.keras.layers.Dense(WIDTH, activation="tanh")(_Positions()(embedded))
    pooled = tf.keras.layers.Dense(WIDTH, activation="tanh")(sequence[:, 0])
    outputs = {"sequence_output": sequence, "pooled_output": pooled, "default": pooled}
    tf.keras.Model(inputs, outputs).save(folder, include_optimizer=False, save_format="tf")
    return str(folder)
