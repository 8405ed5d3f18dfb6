"""The exported model, raw text in, probabilities and label out, and its warm-up requests."""

import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from albert_tfx.calibration import evidence, labelling
from albert_tfx.contract import (
    CLASSIFY_TEXT,
    EXTRA_ASSETS,
    INPUT_WORD_IDS,
    LABEL,
    LABELS,
    PROBABILITIES,
    SCORE,
    SERVING_DEFAULT,
    TEXT,
    WARMUP_FILE,
)
from albert_tfx.modeling.classifier import TextClassifier
from albert_tfx.modeling.tokens import PADDING_ID
from albert_tfx.options import AnswerOptions

# Rows that go through the encoder together; the rest of fewer goes alone. No fewer are faster on a
# CPU, and more need more memory.
_ROWS_AT_ONCE = (64, 32, 16, 8)
_TOKENS_BETWEEN_WIDTHS = 8  # of rows of up to 16 times as many; twice as many in each octave above
_TEXTS_AT_ONCE = 1024  # tokenized
_EXAMPLES = "examples"  # the argument of `serving_default`

_Function = Callable[[tf.Tensor], tf.Tensor]


class Server(tf.Module):
    """A classifier of texts, with the two signatures that every exported model has.

    Attributes:
      class_names: string `[classes]`.
    """

    def __init__(self, class_names: Sequence[str], options: AnswerOptions | None = None) -> None:
        """Takes the classes, and what becomes of their probabilities."""
        super().__init__(name="text_server")
        self.class_names = tf.constant(class_names)
        self._options = options or AnswerOptions()

    def probabilities(self, text: tf.Tensor) -> tf.Tensor:
        """Maps texts, string `[batch]`, to probabilities, float32 `[batch, classes]`."""
        raise NotImplementedError

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=TEXT)])
    def classify_text(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classifies a batch of strings; they may be empty, or of any length.

        Args:
          text: string `[batch]`, in UTF-8.

        Returns:
          `probabilities` float32 `[batch, classes]`, and `labels` string `[batch, classes]`: the
          class that each probability is of. `label` string `[batch]` and `score` float32 `[batch]`:
          see `labelling.label_and_score`.
        """
        probabilities = self.probabilities(text)
        return {
            PROBABILITIES: probabilities,
            LABELS: tf.tile(self.class_names[tf.newaxis], [tf.shape(text)[0], 1]),
            **labelling.label_and_score(probabilities, self.class_names, self._options),
        }

    def answers(self, texts: Sequence[bytes]) -> np.ndarray:
        """Returns the probabilities of texts in UTF-8, float32 `[texts, classes]`."""
        parts = tf.data.Dataset.from_tensor_slices(list(texts)).batch(_TEXTS_AT_ONCE)
        return np.concatenate([self.classify_text(part)[PROBABILITIES] for part in parts])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=_EXAMPLES)])
    def classify_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classifies serialized `tf.train.Example`s `[batch]` by their `text` feature.

        One that is damaged, or has no text, or several, has probabilities and a score of 0, and an
        empty label: no error, which would be that of the others in the request as well.

        Returns:
          What `classify_text` does, but for `label`, string `[batch, 1]`: TFX's BulkInferrer fails
          at an output that has one string an example (tfx_bsl 1.21, `run_inference._post_process`
          asks `bytes` for a dtype).
        """
        text, is_usable = _texts(examples)
        answers = self.classify_text(text)
        return {
            PROBABILITIES: tf.where(is_usable[:, tf.newaxis], answers[PROBABILITIES], 0.0),
            LABELS: answers[LABELS],
            LABEL: tf.where(is_usable, answers[LABEL], labelling.NO_ANSWER)[:, tf.newaxis],
            SCORE: tf.where(is_usable, answers[SCORE], 0.0),
        }

    def export(self, folder: str) -> None:
        """Writes the SavedModel with its two signatures."""
        signatures = {
            SERVING_DEFAULT: self.classify_examples,
            CLASSIFY_TEXT: self.classify_text,
        }
        tf.saved_model.save(self, folder, signatures=signatures)


class Tokenizer:
    """Transform's graph, from texts to token ids, and which texts tell nothing by them.

    Attributes:
      transform: The graph, as a layer.
      uninformative: int64, the ids of a text that tells nothing.
    """

    def __init__(self, transform_output: tft.TFTransformOutput) -> None:
        self.transform = transform_output.transform_features_layer()
        # Of a text that is `[PAD]` in letters, the encoder sees nothing.
        self.uninformative = np.union1d(evidence.uninformative_ids(self), [PADDING_ID])

    def __call__(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Returns the ids of string `[batch]`, ragged int64 `[batch, (length)]`."""
        return tf.RaggedTensor.from_sparse(self.transform({TEXT: text})[INPUT_WORD_IDS])

    def has_evidence(self, texts: Sequence[bytes]) -> np.ndarray:
        """Returns whether each text tells anything, bool `[texts]`."""
        parts = tf.data.Dataset.from_tensor_slices(list(texts)).batch(_TEXTS_AT_ONCE)
        return np.concatenate(
            [evidence.has_evidence(self(part), self.uninformative) for part in parts]
        )


class TextServer(Server):
    """A classifier behind the very graph that Transform ran: no training/serving skew.

    What it keeps as attributes is exported, and nothing else: the weights, and the vocabulary or
    whatever else the two signatures touch. Transform's graph and the encoder bring functions of
    their own along (training, packing, detokenizing), by which a model would be four times as
    large and load six times as long, and whose ops a model server may not know: TensorFlow
    Serving's images with TF Text before 2.16 lack the `TFText>RoundRobinTrim` of
    `bert_pack_inputs` (https://github.com/tensorflow/serving/pull/4057).

    Attributes:
      encoder_variables: The encoder's weights.
      head_variables: The head's weights, in the order of `classifier.build_head(...).weights`.
      class_shares: float32 `[classes]`, the probabilities of a text that tells nothing.
      resources: What tokenization needs: vocabularies, tables.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        classifier: TextClassifier,
        class_names: Sequence[str],
        class_shares: np.ndarray,
        temperature: float = 1.0,
        options: AnswerOptions | None = None,
        most_tokens: int = 512,
        in_float32: bool = False,
    ) -> None:
        """Puts what is served together.

        Args:
          tokenizer: From texts to ids.
          classifier: From ids to logits.
          class_names: The classes.
          class_shares: float32 `[classes]`, their shares among the training texts.
          temperature: Of the classifier's probabilities; see `labelling.tempered`.
          options: What becomes of probabilities.
          most_tokens: Of a text, as the tokenizer cuts it.
          in_float32: Whether to infer in float32, whatever the classifier's precision.
        """
        super().__init__(class_names, options)
        self._widths = widths(most_tokens)
        # No layers or modules, since TensorFlow follows every attribute that is one.
        self._tokenize = tokenizer
        self._logits: _Function = lambda input_word_ids: classifier(
            input_word_ids, training=False, in_float32=in_float32
        )
        self.encoder_variables = list(classifier.encoder.variables)
        self.head_variables = list(classifier.head.weights)
        self.class_shares = tf.constant(class_shares, tf.float32)
        self._temperature = temperature
        self.resources = _captured(tokenizer.transform, self.classify_text.get_concrete_function())

    def probabilities(self, text: tf.Tensor) -> tf.Tensor:
        """Maps texts, string `[batch]`, to probabilities, float32 `[batch, classes]`.

        A text that tells nothing gets the shares of the classes among the training texts.
        """
        input_word_ids = self._tokenize(text)
        return tf.where(
            evidence.has_evidence(input_word_ids, self._tokenize.uninformative)[:, tf.newaxis],
            self._classify_rows(tf.cast(input_word_ids, tf.int32)),
            self.class_shares,
        )

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, name=INPUT_WORD_IDS)])
    def classify_ids(self, input_word_ids: tf.Tensor) -> tf.Tensor:
        """Maps ids `[batch, length]`, padded with 0, to probabilities `[batch, classes]`."""
        probabilities = tf.nn.softmax(self._logits(input_word_ids))
        return labelling.tempered(probabilities, self._temperature)

    def _classify_rows(self, input_word_ids: tf.RaggedTensor) -> tf.Tensor:
        """Maps ragged ids `[batch, (length)]` to probabilities `[batch, classes]`.

        Rows of like length go through the encoder together, a few at a time: a request of any size
        takes no more memory than those few, and a row costs what its neighbours' length does, not
        what the longest of the request would.

        The parts are of few numbers of rows and few widths. Of each shape that it meets, TensorFlow
        keeps what oneDNN has prepared for its products, half a MiB with the small ALBERT
        (`MklPrimitiveFactory` in tensorflow/core/util/mkl_util.h).
        """
        by_length = tf.argsort(input_word_ids.row_lengths(), stable=True)
        sizes = _sizes(tf.size(by_length))
        ends = tf.cumsum(sizes)
        answers = tf.TensorArray(
            tf.float32,
            size=tf.size(sizes),
            element_shape=[None, self.class_names.shape[0]],
            infer_shape=False,
        )
        for part in tf.range(answers.size()):
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            chosen = by_length[ends[part] - sizes[part] : ends[part]]
            padded = self._widened(tf.gather(input_word_ids, chosen).to_tensor())
            answers = answers.write(part, self.classify_ids(padded))
        return tf.gather(answers.concat(), tf.argsort(by_length))

    def _widened(self, input_word_ids: tf.Tensor) -> tf.Tensor:
        """Pads ids `[batch, length]` to the next of few widths."""
        length = tf.shape(input_word_ids)[1]
        possible = tf.constant(self._widths)
        width = tf.reduce_min(tf.boolean_mask(possible, possible >= length))
        return tf.pad(input_word_ids, [[0, 0], [0, width - length]], constant_values=PADDING_ID)


def widths(most: int) -> np.ndarray:
    """Returns the widths that rows are padded to, none by more than 7 tokens or an eighth.

    Args:
      most: Tokens of the longest row.

    Returns:
      int32 `[widths]`, rising to `most`.

    >>> widths(200).tolist()[-8:]
    [112, 120, 128, 144, 160, 176, 192, 200]
    """
    found = []
    width = step = _TOKENS_BETWEEN_WIDTHS
    while width < most:
        found.append(width)
        if width == 16 * step:
            step *= 2
        width += step
    return np.array([*found, most], np.int32)


def _sizes(rows: tf.Tensor) -> tf.Tensor:
    """Returns in what numbers so many rows go through the encoder, int32 `[parts]`."""
    largest, *smaller = _ROWS_AT_ONCE
    powers = tf.constant(smaller)
    is_used = rows % largest // powers % 2 > 0
    rest = rows % smaller[-1]
    return tf.concat(
        [
            tf.fill([rows // largest], largest),
            tf.boolean_mask(powers, is_used),
            tf.fill([tf.minimum(rest, 1)], rest),
        ],
        0,
    )


def _texts(examples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the text of each example, empty where it cannot be read, and whether it can."""
    count = tf.size(examples, tf.int64)
    feature = {TEXT: tf.io.FixedLenFeature([], tf.string)}
    read = (
        tf.data.Dataset.from_tensor_slices((tf.range(count), examples))
        .map(lambda number, each: (number, tf.io.parse_single_example(each, feature)[TEXT]))
        .ignore_errors()
    )
    last = tf.data.Dataset.from_tensors((count, ""))  # so that there is one at least
    numbers, texts = read.concatenate(last).batch(count + 1).get_single_element()
    places = numbers[:-1, tf.newaxis]
    text = tf.tensor_scatter_nd_update(tf.fill([count], ""), places, texts[:-1])
    is_usable = tf.scatter_nd(places, tf.ones_like(numbers[:-1]), [count]) > 0
    return text, is_usable


def _captured(root: tf.Module, function: tf.types.experimental.ConcreteFunction) -> list[object]:
    """Returns the tables, vocabularies and variables below `root` that `function` uses."""
    used = {id(tensor) for tensor in function.captured_inputs}

    def handle(trackable: object) -> object:
        return getattr(trackable, "resource_handle", getattr(trackable, "handle", None))

    return [
        trackable
        for trackable in tf.train.TrackableView(root).descendants()
        if id(handle(trackable)) in used
    ]


def write_warmup(model: str, texts: Sequence[bytes]) -> None:
    """Writes requests into a SavedModel that TensorFlow Serving answers before it takes others'.

    The first request of its kind is slow, as TensorFlow then optimises the graph and allocates. See
    https://www.tensorflow.org/tfx/serving/saved_model_warmup; TFX's Pusher copies the file with the
    model.

    Args:
      model: The SavedModel's folder.
      texts: Real texts, in UTF-8. Each signature gets the first alone and all of them together.
    """
    folder = os.path.join(model, EXTRA_ASSETS)
    tf.io.gfile.makedirs(folder)
    with tf.io.TFRecordWriter(os.path.join(folder, WARMUP_FILE)) as writer:
        for request in _requests(texts):
            log = prediction_log_pb2.PredictLog(request=request)
            record = prediction_log_pb2.PredictionLog(predict_log=log)
            writer.write(record.SerializeToString(deterministic=True))


def _requests(texts: Sequence[bytes]) -> Iterator[predict_pb2.PredictRequest]:
    for batch in (texts[:1], texts):
        yield _request(CLASSIFY_TEXT, TEXT, batch)
        yield _request(SERVING_DEFAULT, _EXAMPLES, [_example(text) for text in batch])


def _request(signature: str, name: str, values: Sequence[bytes]) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = signature
    request.inputs[name].CopyFrom(tf.make_tensor_proto(list(values), tf.string))
    return request


def _example(text: bytes) -> bytes:
    example = tf.train.Example()
    example.features.feature[TEXT].bytes_list.value.append(text)
    return bytes(example.SerializeToString(deterministic=True))
