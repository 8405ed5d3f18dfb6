"""The encoder in training: heads, objectives and their weighted sum.

Two ways to learn words. `replaced`: the encoder from which training started fills masked places,
and of every token the encoder in training says whether it is the text's own (Clark et al. 2020,
ELECTRA; Dong et al. 2023, Fast-ELECTRA). `masked`: the encoder fills the masked places itself, as
in ALBERT. Beside either: sentence order, pieces of the whole review from the mean of its vectors,
and the teacher's vectors of the words where there is a teacher.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from albert_pretraining.batches import KEEP_PROBABILITY, MASK_PROBABILITY
from albert_pretraining.pytorch.batches import Batch
from albert_pretraining.pytorch.conversion import from_arrays
from albert_pretraining.pytorch.encoder import (
    BlockShape,
    Encoder,
    initialize,
    mean_of_tokens,
)
from albert_pretraining.shape import EncoderShape
from albert_pretraining.vocabulary import FIRST_WORD_ID, MASK_ID, PAD_ID

REPLACED, MASKED = OBJECTIVES = ("replaced", "masked")


@dataclasses.dataclass(frozen=True)
class Weights:
    """What each loss weighs; one of 0 is not computed.

    Attributes:
      words: of filling masked places, by the generator or by the encoder.
      replaced: of telling replaced tokens; ELECTRA has 50.
      order: of the sentence order.
      document: of the review's pieces from the mean vector.
      teacher: of the mean square difference from the teacher's vectors, whose components have
        variance 1.
    """

    words: float = 1.0
    replaced: float = 50.0
    order: float = 1.0
    document: float = 1.0
    teacher: float = 0.0


class WordHead(nn.Module):
    """Scores every piece from a hidden vector, through the transposed embedding table.

    Args:
      hidden_size: of the vectors.
      width: of the embedding table.
      log_frequency: `[vocabulary]`, where the bias starts.
    """

    def __init__(self, hidden_size: int, width: int, log_frequency: torch.Tensor):
        super().__init__()
        self.transform = nn.Linear(hidden_size, width)
        self.norm = nn.LayerNorm(width, 1e-12)
        self.bias = nn.Parameter(log_frequency.clone())

    def forward(self, hidden: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """Maps `[n, hidden]` to logits `[n, vocabulary]`, with the embedding table given."""
        return functional.linear(self.norm(self.transform(hidden)), table) + self.bias


class Generator(nn.Module):
    """A trained encoder, kept as it is, that fills masked places for another one to judge.

    How its vectors become words is all that is learned. One that starts at random fills the places
    by how frequent words are, for ten million tokens at least, which is easily told. Half of its
    layers, which share their weights, are applied: ELECTRA's best generators have a quarter to a
    half of their encoder's size.

    Args:
      shape: of the encoder that was trained.
      log_frequency: `[vocabulary]`, where the output's bias starts.
    """

    def __init__(self, shape: EncoderShape, log_frequency: torch.Tensor):
        super().__init__()
        half = dataclasses.replace(shape, layers=-(-shape.layers // 2))
        self.encoder = build_encoder(half).requires_grad_(False)
        self.head = WordHead(shape.hidden_size, shape.embedding_width, log_frequency)

    def forward(self, masked: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Returns logits `[n, vocabulary]` of the chosen places of `[rows, length]` ids."""
        outputs, _ = self.encoder(masked, batch.mask, batch.segments)
        return self.head(outputs[-1][batch.chosen], self.encoder.embedder.word.weight)


class Pretrainer(nn.Module):
    """The encoder with its heads.

    Args:
      shape: the encoder's sizes.
      weights: of the losses.
      objective: `REPLACED` or `MASKED`.
      log_frequency: `[vocabulary]`, where the word heads' bias starts.
      document_log_frequency: the same for the document words.
      teacher_width: components of the teacher's vectors.
      seed: of the weights drawn.
    """

    def __init__(
        self,
        shape: EncoderShape,
        weights: Weights,
        objective: str,
        log_frequency: torch.Tensor,
        document_log_frequency: torch.Tensor,
        teacher_width: int,
        seed: int,
    ):
        super().__init__()
        self._weights = weights
        self._objective = objective
        hidden, width = shape.hidden_size, shape.embedding_width
        self.encoder = build_encoder(shape)
        if objective == REPLACED:
            self.generator = Generator(shape, log_frequency)
            self.judge = nn.Sequential(
                nn.Linear(hidden, hidden), nn.GELU("tanh"), nn.Linear(hidden, 1)
            )
        else:
            self.masked_head = WordHead(hidden, width, log_frequency)
        self.document_head = WordHead(hidden, width, document_log_frequency)
        self.order_head = nn.Linear(hidden, 2)
        if weights.teacher:
            self.teacher_head = nn.Linear(hidden, teacher_width)
        initialize(self, torch.Generator().manual_seed(seed))

    def forward(
        self, batch: Batch, draws: torch.Generator, taught: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """Returns the scalar losses and accuracies of one batch, `loss` their weighted sum.

        Args:
          batch: the rows.
          draws: source of the tokens that replace the chosen ones in the input.
          taught: `[tokens with a place, teacher_width]`, the teacher's vectors.
        """
        if self._objective == REPLACED:
            metrics, ids = self._generate(batch, draws)
        else:
            metrics, ids = {}, corrupt(batch, self.encoder.embedder.word.num_embeddings, draws)
        outputs, pooled = self.encoder(ids, batch.mask, batch.segments)
        sequence = outputs[-1]
        if self._objective == REPLACED:
            metrics |= judgement_metrics(self.judge(sequence)[..., 0], ids, batch)
        else:
            logits = self.masked_head(sequence[batch.chosen], self._table)
            metrics |= word_metrics(logits, batch.ids[batch.chosen])
        metrics |= order_metrics(self.order_head(pooled), batch.is_ordered)
        means = mean_of_tokens(sequence, batch.mask)
        metrics["document_loss"] = document_loss(
            self.document_head(means, self._table), batch.document_words
        )
        if taught is not None:
            told = self.teacher_head(sequence[batch.places >= 0])
            metrics["teacher_loss"] = functional.mse_loss(told.float(), taught)
        metrics["loss"] = self._total(metrics)
        return metrics

    @torch.no_grad()
    def start(self, arrays: Sequence[np.ndarray]) -> None:
        """Starts the encoder, and the generator for good, with weights as `from_arrays` takes them.

        The word heads start as the way back from hidden vectors to embeddings.
        """
        from_arrays(self.encoder, arrays)
        if self._objective == REPLACED:
            from_arrays(self.generator.encoder, arrays)
        for part in self.modules():
            if isinstance(part, WordHead):
                part.transform.weight.copy_(self.encoder.stack.projection.weight.T)

    @property
    def _table(self) -> torch.Tensor:
        return self.encoder.embedder.word.weight

    def _generate(
        self, batch: Batch, draws: torch.Generator
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Lets the generator fill the chosen places: returns its metrics and the new ids."""
        masked = batch.ids.masked_fill(batch.chosen, MASK_ID)
        logits = self.generator(masked, batch)
        ids = batch.ids.clone()
        ids[batch.chosen] = sample(logits.detach().float(), draws)
        return word_metrics(logits, batch.ids[batch.chosen]), ids

    def _total(self, metrics: dict[str, torch.Tensor]) -> torch.Tensor:
        parts = {
            "word_loss": self._weights.words,
            "judgement_loss": self._weights.replaced,
            "order_loss": self._weights.order,
            "document_loss": self._weights.document,
            "teacher_loss": self._weights.teacher,
        }
        return torch.stack(
            [weight * metrics[key] for key, weight in parts.items() if key in metrics]
        ).sum()


def build_encoder(shape: EncoderShape) -> Encoder:
    """Returns an encoder of these sizes, its weights not yet drawn."""
    block = BlockShape(shape.hidden_size, shape.attention_heads, shape.intermediate_size)
    return Encoder(
        shape.vocabulary_size, shape.embedding_width, shape.maximum_length, block, shape.layers
    )


def sample(logits: torch.Tensor, draws: torch.Generator) -> torch.Tensor:
    """Draws one word for each row of `[n, vocabulary]` float32 logits: `[n]`.

    One draw a row, looked up in the summed probabilities: a draw for every word, as Gumbel's trick
    makes them, is an eighth of a whole step on a processor.
    """
    odds = logits[:, FIRST_WORD_ID:].softmax(1).cumsum(1)
    draw = torch.rand((len(odds), 1), generator=draws, device=odds.device)
    words = torch.searchsorted(odds, draw * odds[:, -1:], right=True)
    return FIRST_WORD_ID + words[:, 0].clamp(max=odds.shape[1] - 1)


def corrupt(batch: Batch, vocabulary_size: int, draws: torch.Generator) -> torch.Tensor:
    """Returns the ids, of the chosen ones 80 % as [MASK], 10 % random and 10 % as they were."""
    ids = batch.ids
    draw = torch.rand(ids.shape, generator=draws, device=ids.device)
    words = torch.randint(
        FIRST_WORD_ID, vocabulary_size, ids.shape, generator=draws, device=ids.device
    )
    kept = torch.where(draw < MASK_PROBABILITY + KEEP_PROBABILITY, ids, words)
    replaced = torch.where(draw < MASK_PROBABILITY, MASK_ID, kept)
    return torch.where(batch.chosen, replaced, ids)


def word_metrics(logits: torch.Tensor, words: torch.Tensor) -> dict[str, torch.Tensor]:
    """Scores `[n, vocabulary]` logits of the words that stood at the chosen places."""
    return {
        "word_loss": functional.cross_entropy(logits.float(), words),
        "word_accuracy": (logits.detach().argmax(1) == words).float().mean(),
    }


def judgement_metrics(
    logits: torch.Tensor, ids: torch.Tensor, batch: Batch
) -> dict[str, torch.Tensor]:
    """Scores for every word of the text whether it was replaced.

    `found` is the share of the replaced words that are told, `precision` the share of those told
    that were replaced.
    """
    is_word = batch.places >= 0
    is_replaced = (ids != batch.ids)[is_word]
    logits = logits[is_word].float()
    told = logits.detach() > 0
    both = (told & is_replaced).float().sum()
    return {
        "judgement_loss": functional.binary_cross_entropy_with_logits(logits, is_replaced.float()),
        "found": both / is_replaced.sum().clamp(min=1),
        "precision": both / told.sum().clamp(min=1),
    }


def order_metrics(logits: torch.Tensor, is_ordered: torch.Tensor) -> dict[str, torch.Tensor]:
    """Scores whether the two segments stand in their order."""
    return {
        "order_loss": functional.cross_entropy(logits.float(), is_ordered),
        "order_accuracy": (logits.detach().argmax(1) == is_ordered).float().mean(),
    }


def document_loss(logits: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """Scores the review's drawn words, `[rows, words]`, from `[rows, vocabulary]` logits."""
    picked = functional.log_softmax(logits.float(), 1).gather(1, words)
    weights = (words != PAD_ID).float()
    return -(picked * weights).sum() / weights.sum().clamp(min=1)
