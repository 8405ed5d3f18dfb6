"""From a Hugging Face model folder to an encoder and a preprocessor with TF Hub's interface."""

import functools
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from albert_tfx.contract import INPUT_MASK, INPUT_TYPE_IDS, INPUT_WORD_IDS
from albert_tfx.encoders import configuration, facts
from albert_tfx.encoders.configuration import EncoderConfiguration
from albert_tfx.encoders.facts import EncoderFacts, Model
from albert_tfx.encoders.layers import (
    DROPOUT_SEED,
    Dropout,
    Encoder,
    SeededDropout,
    no_dropout,
)
from albert_tfx.encoders.tokenizers import tokenization
from albert_tfx.errors import InputError

_INPUTS = (INPUT_WORD_IDS, INPUT_MASK, INPUT_TYPE_IDS)


def convert(source: str | os.PathLike[str], destination: str | os.PathLike[str]) -> EncoderFacts:
    """Writes the encoder of a Hugging Face model folder as SavedModels.

    `destination` holds `encoder/`, `preprocessor/` and `encoder.json` (the facts; see
    `facts.read`) afterwards. It appears whole or not at all, and one that is there already is left
    as it is where it holds the same conversion, and is replaced otherwise.

    Args:
      source: A local folder, as `save_pretrained` writes it.
      destination: A local folder.

    Returns:
      What `facts.inspect(source)` returns.

    Raises:
      InputError: As `facts.inspect` does; weights are not finite; or `destination` holds anything
        else.
      OSError: The destination cannot be written.
    """
    model = facts.open_model(source)
    target = Path(destination)
    if facts.read(target) == model.facts:
        return model.facts
    if target.exists() and not (target / facts.FACTS_FILE).exists() and any(target.iterdir()):
        raise InputError(f"{target} holds something else", "Give a new folder for the encoder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f"{target.name}.", suffix=".partial", dir=target.parent
    ) as partial:
        whole = Path(partial, "whole")
        _save_encoder(model, whole / facts.ENCODER)
        _save_preprocessor(model, whole / facts.PREPROCESSOR, Path(partial))
        facts.write(whole, model.facts)
        _put(whole, target, model.facts)
    return model.facts


def _put(whole: Path, target: Path, made: EncoderFacts) -> None:
    """Moves a whole conversion to its place, unless another process was first."""
    if (target / facts.FACTS_FILE).exists() and facts.read(target) != made:
        shutil.rmtree(target)
    try:
        whole.rename(target)
    except OSError:
        if facts.read(target) != made:
            raise


def _save_encoder(model: Model, folder: Path) -> None:
    encoder = Encoder(model.configuration, model.checkpoint.has_pooler)
    for weight, values in model.checkpoint.read():
        encoder.weights_by_name[weight.name].assign(_adapted(weight.name, values, model))
    tf.saved_model.save(_exported(encoder, model.configuration), str(folder))
    configuration.save(model.configuration, folder)


def _adapted(name: str, values: np.ndarray, model: Model) -> np.ndarray:
    """Returns the weights of an embedding in this project's order, others as they are."""
    if name == "embeddings/positions":
        return values[model.configuration.position_offset :]
    row = model.vocabulary.padding_row
    if name == "embeddings/tokens" and row != 0:
        values = values.copy()
        values[[0, row]] = values[[row, 0]]
    return values


def _exported(encoder: Encoder, configuration: EncoderConfiguration) -> tf.train.Checkpoint:
    """Returns what TF Hub calls a reusable SavedModel, see `hub.KerasLayer`, to be saved.

    Not the layer itself: Keras would save a function of each layer within. Dropout draws from a
    variable of its own, `DROPOUT_SEED`.
    """
    variables = list(encoder.weights_by_name.values())
    root = tf.train.Checkpoint()
    root.trainable_variables, root.variables = variables, list(variables)
    root.regularization_losses = []
    dropout = _no_dropout
    if configuration.hidden_dropout or configuration.attention_dropout:
        seed = tf.Variable(
            tf.zeros([2], tf.int64),
            trainable=False,
            name=DROPOUT_SEED,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        root.variables.append(seed)
        dropout = functools.partial(_next_dropout, seed)

    @tf.function
    def call(inputs: Mapping[str, tf.Tensor], training: bool = False) -> Any:
        return encoder(inputs, dropout=dropout() if training else no_dropout)

    inputs = {name: tf.TensorSpec([None, None], tf.int32, name=name) for name in _INPUTS}
    for training in (False, True):
        call.get_concrete_function(inputs, training=training)
    root.__call__ = call
    return root


def _no_dropout() -> Dropout:
    return no_dropout


def _next_dropout(seed: tf.Variable) -> Dropout:
    return SeededDropout(seed.assign_add([0, 1]))


def _save_preprocessor(model: Model, folder: Path, scratch: Path) -> None:
    configuration = model.configuration
    preprocessor = tokenization.preprocessor(
        model.vocabulary, configuration.segments, configuration.vocabulary_size, scratch
    )
    tf.saved_model.save(preprocessor, str(folder))
