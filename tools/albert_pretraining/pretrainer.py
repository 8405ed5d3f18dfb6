"""The model in training: tf-models-official's ALBERT encoder, its heads, losses and update."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import tensorflow as tf
import tf_keras
from official.nlp.configs import encoders

from albert_pretraining.batches import NO_DOCUMENT_WORD
from albert_pretraining.initialization import initialize_encoder
from albert_pretraining.shape import EncoderShape

Batch = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class UpdateOptions:
    """What a training step weighs.

    Attributes:
      document_weight: of the document-word loss; 0 leaves ALBERT's own two objectives.
      order_weight: of the sentence-order loss.
      embedding_rate: the embedding table's learning rate relative to the other weights', so that
        the first noisy gradients do not undo its initialisation.
      weight_decay: decoupled, on matrices only.
      clip_norm: of the whole gradient.
    """

    document_weight: float = 1.0
    order_weight: float = 1.0
    embedding_rate: float = 0.3
    weight_decay: float = 0.01
    clip_norm: float = 1.0


def encoder_config(shape: EncoderShape) -> encoders.EncoderConfig:
    """Returns the configuration that tf-models-official builds and exports the encoder from."""
    config = encoders.EncoderConfig(type="albert")
    config.get().override(
        {
            "vocab_size": shape.vocabulary_size,
            "embedding_width": shape.embedding_width,
            "hidden_size": shape.hidden_size,
            "num_layers": shape.layers,
            "num_attention_heads": shape.attention_heads,
            "intermediate_size": shape.intermediate_size,
            "max_position_embeddings": shape.maximum_length,
            "dropout_rate": 0.0,
            "attention_dropout_rate": 0.0,
        }
    )
    return config


class WordHead(tf_keras.layers.Layer):
    """Scores every piece from a hidden vector, through the transposed embedding table.

    Args:
      table: `[vocabulary, width]`, the encoder's embedding table.
      transform: `[hidden, width]`, where the map back to embeddings starts.
      log_frequency: `[vocabulary]`, where the bias starts.
      name: of the layer.
    """

    def __init__(
        self, table: tf.Variable, transform: np.ndarray, log_frequency: np.ndarray, name: str
    ):
        super().__init__(name=name)
        self._table = table
        self._transform = tf_keras.layers.Dense(
            table.shape[1], kernel_initializer=tf_keras.initializers.Constant(transform)
        )
        self._norm = tf_keras.layers.LayerNormalization(epsilon=1e-12)
        self._bias = self.add_weight(
            "output_bias",
            shape=log_frequency.shape,
            initializer=tf_keras.initializers.Constant(log_frequency),
        )

    def center(self, hidden: tf.Tensor) -> None:
        """Makes the `[hidden]` vector the one that is mapped to nothing."""
        self._transform.bias.assign(-tf.linalg.matvec(self._transform.kernel, hidden, True))

    def call(self, hidden: tf.Tensor) -> tf.Tensor:
        """Maps `[n, hidden]` to logits `[n, vocabulary]`."""
        embedded = self._norm(self._transform(hidden))
        return tf.matmul(embedded, self._table, transpose_b=True) + self._bias


class Pretrainer(tf.Module):
    """The encoder with its three objectives.

    Masked words and sentence order are ALBERT's (Lan et al. 2020). The third makes the mean of
    `sequence_output`, which a frozen encoder is used by, say what the whole review is about: from
    it alone pieces drawn from all of the review are predicted, as in paragraph vectors' distributed
    bag of words (Le & Mikolov 2014).

    Args:
      shape: the encoder's sizes.
      options: what a training step weighs.
      embeddings: `[vocabulary, word_width]`, where the embedding table starts.
      log_frequency: `[vocabulary]`, where the masked words' output bias starts.
      document_log_frequency: the same for the document words.
      seed: of the random directions.
    """

    def __init__(
        self,
        shape: EncoderShape,
        options: UpdateOptions,
        embeddings: np.ndarray,
        log_frequency: np.ndarray,
        document_log_frequency: np.ndarray,
        seed: int,
    ):
        super().__init__()
        self.encoder = encoders.build_encoder(encoder_config(shape))
        table = self.encoder.get_embedding_table()
        back = initialize_encoder(self.encoder, embeddings, shape.position_width, seed).T
        self.masked_head = WordHead(table, back, log_frequency, "masked_words")
        self.document_head = WordHead(table, back, document_log_frequency, "document_words")
        self.order_head = tf_keras.layers.Dense(2, name="sentence_order")
        for head in (self.masked_head, self.document_head, self.order_head):
            head(tf.zeros([1, shape.hidden_size]))
        self._options = options
        self._table = table
        self._others = [v for v in self._all_weights() if v is not table]
        self._table_optimizer = self._build_optimizer([table])
        self._optimizer = self._build_optimizer(self._others)

    @property
    def checkpoint(self) -> tf.train.Checkpoint:
        """The whole state: weights and optimizers."""
        return tf.train.Checkpoint(
            table=self._table,
            weights=self._others,
            table_optimizer=self._table_optimizer,
            optimizer=self._optimizer,
        )

    def _all_weights(self) -> list[tf.Variable]:
        parts = (self.encoder, self.masked_head, self.document_head, self.order_head)
        weights = [v for part in parts for v in part.trainable_variables]
        return list({v.ref(): v for v in weights}.values())

    def _build_optimizer(self, weights: list[tf.Variable]) -> tf_keras.optimizers.Optimizer:
        optimizer = tf_keras.optimizers.AdamW(
            weight_decay=self._options.weight_decay,
            beta_2=0.98,
            epsilon=1e-6,
            jit_compile=False,
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "norm", "embedding"])
        optimizer.build(weights)
        return optimizer

    def center_heads(self, batch: Batch) -> None:
        """Starts the word heads where this batch's mean vector says nothing about any word."""
        inputs = [batch[key] for key in ("input_word_ids", "input_mask", "input_type_ids")]
        sequence = self.encoder(inputs)["sequence_output"]
        mean = tf.reduce_mean(mean_of_tokens(sequence, batch["input_mask"]), axis=0)
        self.masked_head.center(mean)
        self.document_head.center(mean)

    def losses(self, batch: Batch, training: bool) -> dict[str, tf.Tensor]:
        """Returns the scalar losses and accuracies of one batch (see `BatchSource.batch`)."""
        inputs = [batch[key] for key in ("input_word_ids", "input_mask", "input_type_ids")]
        outputs = self.encoder(inputs, training=training)
        sequence = outputs["sequence_output"]
        masked = masked_word_metrics(self.masked_head, sequence, batch)
        order = sentence_order_metrics(self.order_head(outputs["pooled_output"]), batch)
        document = document_word_loss(self.document_head, sequence, batch)
        loss = (
            masked["masked_loss"]
            + self._options.order_weight * order["order_loss"]
            + self._options.document_weight * document
        )
        return {"loss": loss, **masked, **order, "document_loss": document}

    @tf.function(jit_compile=True)
    def train_step(self, batch: Batch, rate: tf.Tensor) -> dict[str, tf.Tensor]:
        """Updates the weights with one batch at learning rate `rate`; returns its metrics."""
        with tf.GradientTape() as tape:
            metrics = self.losses(batch, training=True)
        gradients = tape.gradient(metrics["loss"], [self._table, *self._others])
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        gradients, norm = tf.clip_by_global_norm(gradients, self._options.clip_norm)
        self._table_optimizer.learning_rate.assign(rate * self._options.embedding_rate)
        self._optimizer.learning_rate.assign(rate)
        self._table_optimizer.apply_gradients([(gradients[0], self._table)])
        self._optimizer.apply_gradients(list(zip(gradients[1:], self._others, strict=True)))
        return {**metrics, "gradient_norm": norm}

    @tf.function
    def evaluate_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Returns the metrics of one batch and changes nothing."""
        return self.losses(batch, training=False)


def masked_word_metrics(head: WordHead, sequence: tf.Tensor, batch: Batch) -> dict[str, tf.Tensor]:
    """Scores the masked places only: a softmax over the vocabulary for all would cost too much."""
    gathered = tf.gather(sequence, batch["masked_positions"], batch_dims=1)
    logits = head(tf.reshape(gathered, [-1, sequence.shape[-1]]))
    labels = tf.reshape(batch["masked_ids"], [-1])
    weights = tf.reshape(batch["masked_weights"], [-1])
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    hits = tf.cast(tf.equal(tf.argmax(logits, -1, tf.int32), labels), tf.float32)
    total = tf.reduce_sum(weights)
    return {
        "masked_loss": tf.reduce_sum(losses * weights) / total,
        "masked_accuracy": tf.reduce_sum(hits * weights) / total,
    }


def sentence_order_metrics(logits: tf.Tensor, batch: Batch) -> dict[str, tf.Tensor]:
    """Scores whether the two segments stand in their order."""
    labels = batch["is_ordered"]
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    hits = tf.equal(tf.argmax(logits, -1, tf.int32), labels)
    return {
        "order_loss": tf.reduce_mean(losses),
        "order_accuracy": tf.reduce_mean(tf.cast(hits, tf.float32)),
    }


def document_word_loss(head: WordHead, sequence: tf.Tensor, batch: Batch) -> tf.Tensor:
    """Scores the review's drawn words from the mean of the window's vectors."""
    log_probabilities = tf.nn.log_softmax(head(mean_of_tokens(sequence, batch["input_mask"])))
    words = batch["document_words"]
    weights = tf.cast(tf.not_equal(words, NO_DOCUMENT_WORD), tf.float32)
    picked = tf.gather(log_probabilities, words, batch_dims=1)
    return -tf.reduce_sum(picked * weights) / tf.maximum(1.0, tf.reduce_sum(weights))


def mean_of_tokens(sequence: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Averages `[rows, length, hidden]` over the tokens that are no padding: `[rows, hidden]`."""
    weights = tf.cast(mask, sequence.dtype)[..., tf.newaxis]
    return tf.reduce_sum(sequence * weights, axis=1) / tf.reduce_sum(weights, axis=1)


def log_frequency(counts: np.ndarray) -> np.ndarray:
    """Returns the log of add-one smoothed frequencies, float32, less their mean."""
    logs = np.log((counts + 1.0) / (counts + 1.0).sum())
    return (logs - math.fsum(logs) / len(logs)).astype(np.float32)
