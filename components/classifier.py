"""The classifier: a pooled encoder under a small head."""

from typing import Any

import tensorflow as tf

from components.encoder import PooledEncoder
from components.options import TrainerOptions

_GRADIENT_NORM = 1.0  # Devlin et al. 2019 (BERT), in its published code.
# Keras's 0.99 needs some hundreds of steps to forget its start; fine-tuning has few.
_BATCH_NORMALIZATION_MOMENTUM = 0.9


def build_head(options: TrainerOptions, hidden_size: int, classes: int) -> tf.keras.Sequential:
    """Builds the head: Dense and BatchNormalization layers from vectors to logits.

    Args:
      options: Gives the width and the dropout.
      hidden_size: Size of the encoder's vectors.
      classes: Number of classes.

    Returns:
      A built model from float32 `[batch, hidden_size]` to float32 logits `[batch, classes]`.
    """
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            tf.keras.Input([hidden_size]),
            layers.BatchNormalization(momentum=_BATCH_NORMALIZATION_MOMENTUM),
            layers.Dropout(options.dropout),
            layers.Dense(options.hidden_units, activation="relu"),
            layers.BatchNormalization(momentum=_BATCH_NORMALIZATION_MOMENTUM),
            layers.Dropout(options.dropout),
            layers.Dense(classes),
        ],
        name="head",
    )


class TextClassifier(tf.keras.Model):
    """Encoder and head as one model, trained with an optimizer for each.

    Attributes:
      encoder: Token ids to vectors.
      head: Vectors to logits.
    """

    def __init__(self, encoder: PooledEncoder, head: tf.keras.Sequential) -> None:
        super().__init__(name="text_classifier")
        self.encoder = encoder
        self.head = head

    def call(self, input_word_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Maps int32 `[batch, length]` ids to float32 logits `[batch, classes]`."""
        return self.head(self.encoder(input_word_ids, training=training), training=training)

    def compile(
        self,
        optimizer: tf.keras.optimizers.Optimizer,
        encoder_optimizer: tf.keras.optimizers.Optimizer,
        **options: Any,
    ) -> None:
        """Configures training with `optimizer` for the head and `encoder_optimizer`.

        `options` are those of `tf.keras.Model.compile`.
        """
        super().compile(optimizer=optimizer, **options)
        self.encoder_optimizer = encoder_optimizer
        self.encoder_optimizer.build(self.encoder.trainable_variables)
        self.optimizer.build(self.head.trainable_variables)

    def train_step(self, data: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
        """Takes one step on ids and labels; returns the metrics so far."""
        input_word_ids, label = data
        with tf.GradientTape() as tape:
            logits = self(input_word_ids, training=True)
            loss = self.compute_loss(input_word_ids, label, logits)
        of_encoder = self.encoder.trainable_variables
        of_head = self.head.trainable_variables
        gradients, _ = tf.clip_by_global_norm(
            tape.gradient(loss, of_encoder + of_head), _GRADIENT_NORM
        )
        split = len(of_encoder)
        self.encoder_optimizer.apply_gradients(zip(gradients[:split], of_encoder, strict=True))
        self.optimizer.apply_gradients(zip(gradients[split:], of_head, strict=True))
        return self.compute_metrics(input_word_ids, label, logits, None)
