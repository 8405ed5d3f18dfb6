"""Learning rates and optimizers."""

import tensorflow as tf

from albert_tfx.options import TrainerOptions

# Keras's own default compiles each update of the few weights; that only delays the first step.
_COMPILED_UPDATES = False
# Neither biases nor layer normalisation decay: Devlin et al. 2019 (BERT), appendix A.2 and code.
_NO_WEIGHT_DECAY = ["bias", "layer_norm", "gamma", "beta"]


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
    """Returns the encoder's AdamW (Loshchilov and Hutter 2019)."""
    optimizer = tf.keras.optimizers.AdamW(
        _schedule(options, options.encoder_learning_rate, total_steps),
        weight_decay=options.weight_decay,
        jit_compile=_COMPILED_UPDATES,
    )
    optimizer.exclude_from_weight_decay(var_names=_NO_WEIGHT_DECAY)
    return optimizer


def _schedule(options: TrainerOptions, peak: float, total_steps: int) -> WarmupLinearDecay:
    return WarmupLinearDecay(peak, int(options.warmup_fraction * total_steps), total_steps)
