"""What a run will roughly cost, from a forward pass of its encoder on this machine."""

import dataclasses
import resource
import time

import tensorflow as tf

from albert_tfx.modeling.encoder import PooledEncoder
from albert_tfx.modeling.training import extent
from albert_tfx.options import TrainerOptions

# What a step of training computes for the gradients, of the same layers' pass.
_PASSES_OF_GRADIENTS = 2
# TFX's start, reading, statistics, evaluation and report, whatever the encoder: seconds.
_REST = 60
# Bytes of a weight in training: itself, its gradient and AdamW's two moments, in float32.
_BYTES = 16
# What TFX, TFMA and a batch's intermediate values need beside.
_BESIDE = 2 << 30
_TEXTS = 8


@dataclasses.dataclass(frozen=True)
class Cost:
    """A rough guess, good to a factor of two.

    Attributes:
      seconds: Of the whole run.
      bytes: Most memory.
    """

    seconds: float
    bytes: int

    def __str__(self) -> str:
        minutes = max(1, round(self.seconds / 60))
        time_needed = f"{minutes:,} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
        return f"cost        roughly {time_needed} and {self.bytes / (1 << 30):.1f} GiB of memory"


def estimate(options: TrainerOptions, weights: int, tokens: int, rows: dict[str, int]) -> Cost:
    """Times a forward pass; only this guess depends on it.

    Args:
      options: Those of the fine-tuned model's training.
      weights: The encoder's.
      tokens: Of a text of middling length, at least 2.
      rows: Texts by split.
    """
    encoder = PooledEncoder(
        options.encoder, options.pooling, False, options.inference_precision, options.unfreeze
    )
    ids = tf.ones([_TEXTS, max(2, min(tokens, options.sequence_length))], tf.int32)
    encoder(ids)  # traces the graph
    began = time.perf_counter()
    encoder(ids)
    of_a_text = (time.perf_counter() - began) / _TEXTS
    epochs, steps = extent(options, rows["train"])
    of_a_step = 1 + _PASSES_OF_GRADIENTS * encoder.trained_share
    of_an_epoch = of_a_step * steps * options.batch_size + rows["eval"]
    passes = 2 * sum(rows.values()) + options.seeds * epochs * of_an_epoch
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    return Cost(_REST + passes * of_a_text, most + weights * _BYTES + _BESIDE)
