"""The exported model: raw text in, probabilities out."""

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_transform as tft

from components.classifier import TextClassifier
from components.features import INPUT_WORD_IDS, LABELS, PROBABILITIES, TEXT

SERVING_DEFAULT = "serving_default"
CLASSIFY_TEXT = "classify_text"


class TextServer(tf.Module):
    """A classifier behind the very graph that Transform ran: no training/serving skew.

    Attributes:
      classifier: Token ids to logits.
      class_names: string `[classes]`.
    """

    def __init__(
        self,
        transform_output: tft.TFTransformOutput,
        classifier: TextClassifier,
        class_names: Sequence[str],
    ) -> None:
        super().__init__(name="text_server")
        self._transform = transform_output.transform_features_layer()
        self.classifier = classifier
        self.class_names = tf.constant(class_names)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=TEXT)])
    def classify_text(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classifies a batch of strings.

        Args:
          text: string `[batch]`.

        Returns:
          `probabilities` float32 `[batch, classes]`, and `labels` string `[batch, classes]`: the
          class that each probability is of.
        """
        input_word_ids = self._transform({TEXT: text})[INPUT_WORD_IDS]
        return {
            PROBABILITIES: self.classify_ids(tf.cast(tf.sparse.to_dense(input_word_ids), tf.int32)),
            LABELS: tf.tile(self.class_names[tf.newaxis], [tf.shape(text)[0], 1]),
        }

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, name=INPUT_WORD_IDS)])
    def classify_ids(self, input_word_ids: tf.Tensor) -> tf.Tensor:
        """Maps ids `[batch, length]`, padded with 0, to probabilities `[batch, classes]`."""
        return tf.nn.softmax(self.classifier(input_word_ids))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def classify_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classifies serialized `tf.train.Example`s `[batch]` by their `text` feature."""
        parsed = tf.io.parse_example(examples, {TEXT: tf.io.FixedLenFeature([], tf.string)})
        return self.classify_text(parsed[TEXT])

    def export(self, folder: str) -> None:
        """Writes the SavedModel with its two signatures."""
        signatures = {
            SERVING_DEFAULT: self.classify_examples,
            CLASSIFY_TEXT: self.classify_text,
        }
        tf.saved_model.save(self, folder, signatures=signatures)
