"""Exports a checkpoint in TF Hub's format, with the exporter that made TF Hub's own ALBERT."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub
import tensorflow_text  # noqa: F401  registers the text ops
import tf_keras
from official.nlp.tools import export_tfhub_lib

from albert_pretraining.corpus import normalize
from albert_pretraining.pretrainer import encoder_config
from albert_pretraining.shape import EncoderShape
from albert_pretraining.vocabulary import Vocabulary

DEFAULT_SEQUENCE_LENGTH = 128
TOLERANCE = 1e-4  # float32 rounds otherwise in a graph than step by step: some 1e-5
SAMPLE_TEXTS = (
    "A Film I'd watch again: 10/10!",
    "Amélie isn't naïve... it's   charming -- Übermensch STRASSE straße.",
    "“Quotes”, ﬁne ligatures, ½ stars & emoji 🎬",
    "WORST. MOVIE. EVER. (1999)\nDon't bother?",
)


@contextlib.contextmanager
def replacing(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a folder to write to, which takes `folder`'s place only where nothing was raised."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    yield partial
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def export_encoder(
    encoder: tf_keras.Model,
    shape: EncoderShape,
    vocabulary_path: pathlib.Path,
    folder: pathlib.Path,
) -> None:
    """Writes the encoder as a SavedModel with TF Hub's text encoder interface.

    Args:
      encoder: holds the weights.
      shape: the encoder's sizes.
      vocabulary_path: the SentencePiece model, which the SavedModel carries along.
      folder: where it goes.
    """
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = tf.train.Checkpoint(encoder=encoder).save(f"{scratch}/encoder")
        export_tfhub_lib.export_model(
            str(folder),
            encoder_config=encoder_config(shape),
            model_checkpoint_path=checkpoint,
            with_mlm=False,
            sp_model_file=str(vocabulary_path),
        )


def export_preprocessor(vocabulary_path: pathlib.Path, folder: pathlib.Path) -> None:
    """Writes the preprocessor, strings to the encoder's three inputs, as a SavedModel."""
    export_tfhub_lib.export_preprocessing(
        str(folder),
        sp_model_file=str(vocabulary_path),
        do_lower_case=True,
        tokenize_with_offsets=False,
        default_seq_length=DEFAULT_SEQUENCE_LENGTH,
    )


def verify_encoder(
    encoder: Callable[[list[tf.Tensor]], dict[str, tf.Tensor]],
    folder: pathlib.Path,
    batch: dict[str, np.ndarray],
    outliers: float = 0.0,
) -> float:
    """Compares the exported encoder with the weights it was made from.

    Args:
      encoder: gives the outputs to expect for ids, mask and segments.
      folder: of the exported encoder.
      batch: int32 `input_word_ids`, `input_mask`, `input_type_ids`, `[rows, length]`.
      outliers: share of an output's components that may differ by more; for outputs that another
        library computed. Sharp attention magnifies float32's rounding at single tokens.

    Returns:
      The largest difference of any output, but for the outliers, relative to that output's largest
      component.

    Raises:
      AssertionError: it is larger than `TOLERANCE`.
    """
    keys = ("input_word_ids", "input_mask", "input_type_ids")
    inputs = {key: tf.constant(batch[key]) for key in keys}
    exported = hub.KerasLayer(str(folder))(inputs)
    expected = encoder([inputs[key] for key in keys])
    pairs = [(exported[key], expected[key]) for key in ("pooled_output", "sequence_output")]
    pairs += list(zip(exported["encoder_outputs"], expected["encoder_outputs"], strict=True))
    largest = max(_relative_difference(left, right, outliers) for left, right in pairs)
    if largest > TOLERANCE:
        raise AssertionError(
            f"The export in {folder} differs from its checkpoint by {largest:.2g}, more than "
            f"{TOLERANCE:.0g}. It was not made from these weights; export again."
        )
    return largest


def verify_preprocessor(
    folder: pathlib.Path, vocabulary: Vocabulary, texts: Sequence[str] = SAMPLE_TEXTS
) -> None:
    """Checks that the exported preprocessor makes the ids that pretraining saw.

    Args:
      folder: of the exported preprocessor.
      vocabulary: as pretraining used it.
      texts: raw texts without line-break marks, which only pretraining strips.

    Raises:
      AssertionError: some text's ids differ.
    """
    exported = hub.load(str(folder)).tokenize(tf.constant(texts)).to_list()
    tokens, offsets = vocabulary.encode([normalize(text) for text in texts])
    for index, text in enumerate(texts):
        expected = tokens[offsets[index] : offsets[index + 1]].tolist()
        if exported[index] != expected:
            raise AssertionError(
                f"The preprocessor in {folder} reads {text[:80]!r} as {exported[index][:20]}, "
                f"pretraining as {expected[:20]}. The normalisations differ."
            )


def _relative_difference(left: tf.Tensor, right: tf.Tensor, outliers: float) -> float:
    left, right = np.asarray(left), np.asarray(right)
    difference = np.quantile(np.abs(left - right), 1.0 - outliers, method="lower")
    return float(difference / np.abs(right).max())
