"""The text encoder and its preprocessor, by TF Hub's interface.

The interface is that of https://www.tensorflow.org/hub/common_saved_model_apis/text: a
preprocessor with `tokenize`, and an encoder from `input_word_ids`, `input_mask` and
`input_type_ids` to `pooled_output` and `sequence_output`. Any encoder that keeps it fits:
the embedded ALBERT, Google's, or one's own.
"""

import functools
import hashlib
import os
import urllib.error
from importlib import resources

import tensorflow as tf
import tensorflow_hub as hub
import tensorflow_text  # noqa: F401  registers the ops that preprocessors are made of

from albert_tfx.contract import (
    INPUT_MASK,
    INPUT_TYPE_IDS,
    INPUT_WORD_IDS,
    POOLED_OUTPUT,
    SEQUENCE_OUTPUT,
)
from albert_tfx.errors import InputError, one_line
from albert_tfx.modeling import acceleration
from albert_tfx.modeling import hub as model_download

PADDING_ID = 0
_IDS = tf.TensorSpec([None, None], tf.int32)
# What lies in this project's own package `assets`, wherever that is installed.
ASSET_SCHEME = "asset://"
_FEWEST_POSITIONS = 32


def resolve(handle: str) -> str:
    """Returns the folder of a model, downloaded to TF Hub's cache first where `handle` is a URL.

    Args:
      handle: A TF Hub or Kaggle URL, or a folder, local, in a bucket or, as `asset://NAME`, in this
        project's package `assets`.

    Raises:
      InputError: There is no such folder, it holds no SavedModel, or the URL cannot be reached.
    """
    is_url = handle.startswith(("http://", "https://"))
    if handle.startswith(ASSET_SCHEME):
        handle = str(resources.files("assets") / handle.removeprefix(ASSET_SCHEME))
    if not is_url and not tf.io.gfile.isdir(handle):
        raise InputError(
            f"There is no model folder {handle!r}",
            "Give the folder that holds saved_model.pb, or a TF Hub or Kaggle URL",
        )
    try:
        folder = model_download.fetch(handle) if is_url else handle
    except (urllib.error.URLError, OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"{handle} cannot be downloaded ({one_line(error)})",
            "Check the handle and the network, or download the model elsewhere and give its "
            "folder, or the folder above it as TFHUB_CACHE_DIR",
        ) from error
    if not tf.io.gfile.exists(os.path.join(folder, "saved_model.pb")):
        raise InputError(
            f"{folder} holds no saved_model.pb",
            "Delete the folder, so that the model is downloaded again"
            if is_url
            else "Give the folder that holds saved_model.pb",
        )
    return folder


def check(encoder: str, preprocessor: str, sequence_length: int) -> None:
    """Refuses an encoder that the preprocessor or the sequence length does not fit.

    Reads the encoder's variable shapes only; it is not loaded. Positions are known of encoders
    with factorised embeddings alone.

    Raises:
      InputError: A model cannot be found or is of another kind, the two have different
        vocabularies, or `sequence_length` exceeds the encoder's positions.
    """
    vocabulary_size = _vocabulary_size(preprocessor)
    shapes = _matrix_shapes(resolve(encoder))
    widths = [width for rows, width in shapes if rows == vocabulary_size]
    if not widths:
        largest = max((rows for rows, _ in shapes), default=0)
        raise InputError(
            f"The encoder {encoder} has no embedding for the {vocabulary_size:,} tokens of the "
            f"preprocessor {preprocessor} (its largest table has {largest:,} rows)",
            "Give the preprocessor that the encoder was trained with",
        )
    # An encoder with factorised embeddings, as ALBERT's are, has one more large matrix of that
    # width: its positions'. Those of segments and biases of attention heads are small.
    tables = [rows for rows, width in shapes if width == widths[0] and rows != vocabulary_size]
    positions = [rows for rows in tables if rows >= _FEWEST_POSITIONS]
    if len(positions) == 1 and sequence_length > positions[0]:
        raise InputError(
            f"A sequence length of {sequence_length} exceeds the {positions[0]} positions of the "
            f"encoder {encoder}",
            f"Give --sequence-length {positions[0]} or less",
        )


def load_preprocessor(handle: str) -> tf.Module:
    """Loads a text preprocessing model.

    Raises:
      InputError: It cannot be found or loaded, or offers no `tokenize` with special tokens.
    """
    folder = resolve(handle)
    try:
        preprocessor = hub.load(folder)
    except (OSError, tf.errors.OpError, ValueError) as error:
        raise InputError(
            f"{folder} cannot be loaded ({one_line(error)})",
            "Its files may be incomplete: fetch the model again",
        ) from error
    tokenize = getattr(preprocessor, "tokenize", None)
    if not hasattr(tokenize, "get_special_tokens_dict"):
        raise InputError(
            f"{handle} is no text preprocessing model: it has no tokenize() with special tokens",
            "Give one that was made for the encoder, e.g. "
            "https://tfhub.dev/tensorflow/albert_en_preprocess/3",
        )
    return preprocessor


def pack(input_word_ids: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns the encoder's three inputs for one segment a review.

    Args:
      input_word_ids: int32 `[batch, length]`, padded with 0 at the end.

    Returns:
      int32 `[batch, length]` each: the ids, 1 for a real token, and the segment, always 0.
    """
    return {
        INPUT_WORD_IDS: input_word_ids,
        INPUT_MASK: tf.cast(input_word_ids != PADDING_ID, tf.int32),
        INPUT_TYPE_IDS: tf.zeros_like(input_word_ids),
    }


class PooledEncoder(tf.keras.layers.Layer):
    """A TF Hub text encoder that gives one vector a review.

    Attributes:
      encoder: The encoder itself, a `hub.KerasLayer`.
      pooling: `mean` of `sequence_output` over the real tokens, or the encoder's
        `pooled_output`.
    """

    def __init__(self, handle: str, pooling: str, trainable: bool) -> None:
        super().__init__(name="pooled_encoder", trainable=trainable)
        self.pooling = pooling
        self.encoder = hub.KerasLayer(resolve(handle), trainable=trainable, name="encoder")
        self._train = functools.partial(self._pool, training=True)

    def compile_training(self) -> None:
        """Compiles what a training step does with the encoder; what is exported stays as it is."""
        self._train = self._compiled(training=True)

    def compiled_inference(self) -> tf.types.experimental.GenericFunction:
        """Returns a compiled function with the signature of `call`, for inference alone."""
        return self._compiled(training=False)

    def call(self, input_word_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps int32 `[batch, length]` ids to float32 `[batch, hidden_size]` vectors."""
        if training and self.trainable:
            return self._train(input_word_ids)
        return self._pool(input_word_ids, training=False)

    def _compiled(self, training: bool) -> tf.types.experimental.GenericFunction:
        pool = functools.partial(self._pool, training=training)
        return acceleration.compiled_where_possible(pool, _IDS, tf.ones([1, 2], tf.int32))

    def _pool(self, input_word_ids: tf.Tensor, training: bool) -> tf.Tensor:
        inputs = pack(input_word_ids)
        outputs = self.encoder(inputs, training=training)
        if self.pooling == POOLED_OUTPUT:
            return outputs[POOLED_OUTPUT]
        return masked_mean(outputs[SEQUENCE_OUTPUT], inputs[INPUT_MASK])


def masked_mean(sequence_output: tf.Tensor, input_mask: tf.Tensor) -> tf.Tensor:
    """Averages `[batch, length, hidden]` over the positions where `[batch, length]` is 1."""
    weights = tf.cast(input_mask, sequence_output.dtype)[:, :, tf.newaxis]
    total = tf.reduce_sum(sequence_output * weights, axis=1)
    return tf.math.divide_no_nan(total, tf.reduce_sum(weights, axis=1))


def fingerprint(handle: str) -> str:
    """Returns a hash of a model's files, their names and their content.

    Raises:
      InputError: The model cannot be found.
    """
    folder = resolve(handle)
    digest = hashlib.sha256()
    for parent, _, names in sorted(tf.io.gfile.walk(folder)):
        for name in sorted(names):
            path = os.path.join(parent, name)
            digest.update(os.path.relpath(path, folder).encode())
            with tf.io.gfile.GFile(path, "rb") as file:
                digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()[:16]


def _vocabulary_size(preprocessor: str) -> int:
    tokenize = load_preprocessor(preprocessor).tokenize  # type: ignore[attr-defined]
    special = tokenize.get_special_tokens_dict()
    if int(special["padding_id"]) != PADDING_ID:
        raise InputError(
            f"The preprocessor {preprocessor} pads with {int(special['padding_id'])}",
            f"Give one that pads with {PADDING_ID}, as BERT's and ALBERT's do",
        )
    return int(special["vocab_size"])


def _matrix_shapes(folder: str) -> list[tuple[int, int]]:
    checkpoint = os.path.join(folder, "variables", "variables")
    try:
        variables = tf.train.list_variables(checkpoint)
    except (tf.errors.OpError, ValueError) as error:
        raise InputError(
            f"{folder} holds no weights ({one_line(error)})",
            "Give a text encoder in TF Hub's SavedModel format",
        ) from error
    return [(shape[0], shape[1]) for _, shape in variables if len(shape) == 2]
