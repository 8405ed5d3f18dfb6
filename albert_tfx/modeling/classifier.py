"""The classifier, a pooled encoder under a small head, and its optimizers."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from albert_tfx.engine.adamw import FusedAdamW
from albert_tfx.modeling import acceleration
from albert_tfx.modeling.encoder import PooledEncoder
from albert_tfx.options import TrainerOptions

_GRADIENT_NORM = 1.0  # Devlin et al. 2019 (BERT), in its published code.
# Keras's 0.99 needs some hundreds of steps to forget its start; fine-tuning has few.
_BATCH_NORMALIZATION_MOMENTUM = 0.9
# Keras's own default compiles each update of the few weights; that only delays the first step.
_COMPILED_UPDATES = False
# Neither biases nor layer normalisation decay: Devlin et al. 2019 (BERT), appendix A.2 and code.
_NO_WEIGHT_DECAY = ["bias", "layer_norm", "gamma", "beta"]


def build_head(options: TrainerOptions, hidden_size: int, classes: int) -> tf.keras.Sequential:
    """Builds the head: Dense and BatchNormalization layers from vectors to logits.

    Where several replicas train it, they normalise by the statistics of all their reviews.

    Args:
      options: Gives the width and the dropout.
      hidden_size: Size of the encoder's vectors.
      classes: Number of classes.

    Returns:
      A built model from float32 `[batch, hidden_size]` to float32 logits `[batch, classes]`.
    """
    layers = tf.keras.layers
    normalization = functools.partial(
        layers.BatchNormalization,
        momentum=_BATCH_NORMALIZATION_MOMENTUM,
        synchronized=tf.distribute.get_strategy().num_replicas_in_sync > 1,
    )
    return tf.keras.Sequential(
        [
            tf.keras.Input([hidden_size]),
            normalization(),
            layers.Dropout(options.dropout),
            layers.Dense(options.hidden_units, activation="relu"),
            normalization(),
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

    def call(
        self, input_word_ids: tf.Tensor, training: bool = False, in_float32: bool = False
    ) -> tf.Tensor:
        """Maps int32 `[batch, length]` ids to float32 logits `[batch, classes]`.

        `in_float32` is as `PooledEncoder.call` takes it.
        """
        vectors = self.encoder(input_word_ids, training=training, in_float32=in_float32)
        return self.head(vectors, training=training)

    def compile(
        self,
        optimizer: tf.keras.optimizers.Optimizer,
        encoder_optimizer: tf.keras.optimizers.Optimizer,
        gradient_accumulation: int = 1,
        in_bfloat16: bool = False,
        label_smoothing: float = 0.0,
        **options: Any,
    ) -> None:
        """Configures training.

        Args:
          optimizer: The head's.
          encoder_optimizer: The encoder's.
          gradient_accumulation: Equal parts of a batch whose gradients are computed in turn.
          in_bfloat16: Whether training steps multiply in bfloat16; nothing else does.
          label_smoothing: Share of each label that all classes have alike while training; the loss
            that is reported is that of the labels themselves.
          **options: Those of `tf.keras.Model.compile`.
        """
        super().compile(optimizer=optimizer, **options)
        self.gradient_accumulation = gradient_accumulation
        self.in_bfloat16 = in_bfloat16
        self.label_smoothing = label_smoothing
        self.encoder_optimizer = encoder_optimizer
        self.encoder_optimizer.build(self.encoder.trainable_variables)
        self.optimizer.build(self.head.trainable_variables)

    def make_train_function(self, force: bool = False) -> Callable[..., dict[str, tf.Tensor]]:
        """Returns what takes one step on the next batch of an iterator."""
        step = super().make_train_function(force)
        return acceleration.in_bfloat16(step) if self.in_bfloat16 else step

    def train_step(self, data: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
        """Takes one step on ids, labels and perhaps weights; returns the metrics so far."""
        of_encoder = self.encoder.trainable_variables
        of_head = self.head.trainable_variables
        own = self._accumulated(*data) if self.gradient_accumulation > 1 else self._gradients(*data)
        summed = tf.distribute.get_replica_context().all_reduce("sum", own)
        clipped, _ = tf.clip_by_global_norm(summed, _GRADIENT_NORM)
        split = len(of_encoder)
        self.encoder_optimizer.apply_gradients(
            zip(clipped[:split], of_encoder, strict=True), skip_gradients_aggregation=True
        )
        self.optimizer.apply_gradients(
            zip(clipped[split:], of_head, strict=True), skip_gradients_aggregation=True
        )
        metrics: dict[str, tf.Tensor] = self.get_metrics_result()
        return metrics

    def _gradients(
        self, input_word_ids: tf.Tensor, label: tf.Tensor, weight: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        """Returns the mean loss's gradients: the encoder's, then the head's. Updates metrics.

        Args:
          input_word_ids: int32 `[batch, length]`.
          label: int64 `[batch]`.
          weight: float32 `[batch]`, what each text's loss counts; None for 1.
        """
        variables = self.encoder.trainable_variables + self.head.trainable_variables
        with tf.GradientTape() as tape:
            logits = self(input_word_ids, training=True)
            loss = self._smoothed(
                self.compute_loss(input_word_ids, label, logits, sample_weight=weight), logits
            )
        self.compute_metrics(input_word_ids, label, logits, None)
        gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
        # That of a table within a SavedModel does not know how many rows it has.
        return [
            tf.ensure_shape(tf.convert_to_tensor(gradient), variable.shape)
            for gradient, variable in zip(gradients, variables, strict=True)
        ]

    def _smoothed(self, loss: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Returns the cross-entropy with smoothed labels (Szegedy et al. 2016), of that without."""
        if not self.label_smoothing:
            return loss
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        of_all_classes = -tf.reduce_mean(tf.nn.log_softmax(logits)) / replicas
        return (1 - self.label_smoothing) * loss + self.label_smoothing * of_all_classes

    def _accumulated(
        self, input_word_ids: tf.Tensor, label: tf.Tensor, *weight: tf.Tensor
    ) -> list[tf.Tensor]:
        """Returns what `_gradients` does, of a part of the batch at a time."""
        parts = self.gradient_accumulation
        variables = self.encoder.trainable_variables + self.head.trainable_variables
        summed: list[tf.Tensor] = tf.foldl(
            lambda sums, part: [
                total + gradient / parts
                for total, gradient in zip(sums, self._gradients(*part), strict=True)
            ],
            (
                tf.reshape(input_word_ids, [parts, -1, tf.shape(input_word_ids)[1]]),
                *(tf.reshape(each, [parts, -1]) for each in (label, *weight)),
            ),
            initializer=[tf.zeros_like(variable) for variable in variables],
            parallel_iterations=1,
        )
        return summed


class WarmupLinearDecay(tf.keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from zero to the peak, then falls linearly to zero.

    The schedule of Devlin et al. 2019 (BERT), appendix A.3.
    """

    def __init__(self, peak: float, warmup_steps: int, total_steps: int) -> None:
        self.peak = peak
        self.warmup_steps = max(warmup_steps, 1)
        self.total_steps = max(total_steps, self.warmup_steps + 1)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the float32 rate at `step`, which counts from 0."""
        step = tf.cast(step, tf.float32)
        rising = (step + 1.0) / self.warmup_steps
        falling = (self.total_steps - step) / (self.total_steps - self.warmup_steps)
        return self.peak * tf.clip_by_value(tf.minimum(rising, falling), 0.0, 1.0)

    def get_config(self) -> dict[str, float]:
        """Returns the constructor's arguments."""
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
        }


def head_optimizer(options: TrainerOptions, total_steps: int) -> tf.keras.optimizers.Optimizer:
    """Returns the head's Adam."""
    return tf.keras.optimizers.Adam(
        _schedule(options, options.head_learning_rate, total_steps), jit_compile=_COMPILED_UPDATES
    )


def encoder_optimizer(options: TrainerOptions, total_steps: int) -> tf.keras.optimizers.Optimizer:
    """Returns the encoder's AdamW (Loshchilov and Hutter 2019), with its correction of the bias."""
    optimizer = FusedAdamW(
        _schedule(options, float(options.encoder_learning_rate), total_steps),
        weight_decay=options.weight_decay,
        jit_compile=_COMPILED_UPDATES,
    )
    optimizer.exclude_from_weight_decay(var_names=_NO_WEIGHT_DECAY)
    return optimizer


def _schedule(options: TrainerOptions, peak: float, total_steps: int) -> WarmupLinearDecay:
    return WarmupLinearDecay(peak, int(options.warmup_fraction * total_steps), total_steps)
