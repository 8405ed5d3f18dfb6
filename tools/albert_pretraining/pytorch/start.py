"""The encoder's weights where training starts, kept as a file that needs no TensorFlow to read."""

from __future__ import annotations

import os
import pathlib

import numpy as np

from albert_pretraining.preparation import PreparedCorpus
from albert_pretraining.pytorch.conversion import read_saved_model
from albert_pretraining.shape import EncoderShape


def prepare_start(
    path: pathlib.Path,
    corpus: PreparedCorpus,
    shape: EncoderShape,
    exported: pathlib.Path | None,
    seed: int,
) -> list[np.ndarray]:
    """Returns the first weights in the order of `AlbertEncoder.weights`, made once.

    Args:
      path: the `.npz` file that keeps them.
      corpus: whose word vectors the embedding table starts from.
      shape: the encoder's sizes.
      exported: an exported encoder to start from instead.
      seed: of the random directions.
    """
    if not path.exists():
        arrays = read_saved_model(exported) if exported else first_weights(corpus, shape, seed)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, *arrays)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    with np.load(path) as kept:
        return [kept[f"arr_{number}"] for number in range(len(kept.files))]


def first_weights(corpus: PreparedCorpus, shape: EncoderShape, seed: int) -> list[np.ndarray]:
    """Returns weights as `pretrain_albert.py` starts from: word vectors and neighbours' heads."""
    import tensorflow as tf
    from official.nlp.configs import encoders

    from albert_pretraining.initialization import initialize_encoder
    from albert_pretraining.pretrainer import encoder_config

    tf.keras.utils.set_random_seed(seed)
    encoder = encoders.build_encoder(encoder_config(shape))
    initialize_encoder(encoder, corpus.embeddings, shape.position_width, seed)
    return encoder.get_weights()
