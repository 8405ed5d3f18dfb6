"""Batches as tensors, made where training runs: windows, sentence order, places to predict.

What `albert_pretraining.batches` makes row by row is made here for all rows at once, so that a GPU
does not wait. Batch `n` is a function of `n`, the seed and the kind of device alone.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from albert_pretraining.batches import (
    NGRAM_PROBABILITIES,
    SPECIAL_TOKENS,
    BatchOptions,
    WindowOrder,
    subsampling_weights,
)
from albert_pretraining.vocabulary import CLS_ID, FIRST_WORD_ID, PAD_ID, SEP_ID, Vocabulary

NO_PLACE = -1
SEED_STRIDE = 1_000_003


@dataclasses.dataclass(frozen=True)
class Batch:
    """One batch; shapes are `[rows, length]` where nothing else is said.

    Attributes:
      ids: the pieces as they stand in the text, int64.
      mask: 1 at tokens, 0 at padding.
      segments: 0 or 1.
      places: each token's index in the corpus; `NO_PLACE` at special tokens and padding.
      chosen: bool, the places to predict.
      is_ordered: `[rows]`, 1 where the two segments stand in their order.
      document_words: `[rows, document_words]`, padded with `PAD_ID`.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    segments: torch.Tensor
    places: torch.Tensor
    chosen: torch.Tensor
    is_ordered: torch.Tensor
    document_words: torch.Tensor

    def split(self, parts: int) -> list[Batch]:
        """Returns the rows in `parts` batches of almost equal size."""
        fields = [field.name for field in dataclasses.fields(self)]
        pieces = zip(*(getattr(self, name).tensor_split(parts) for name in fields), strict=True)
        return [Batch(*piece) for piece in pieces]


class BatchSource:
    """Makes batches from a tokenized corpus.

    Args:
      tokens: ids of all texts, one after the other.
      offsets: `[texts + 1]`, where each text begins and the last one ends.
      vocabulary: what the ids are.
      options: shapes and rates.
      seed: of everything random.
      device: where the batches are made and stay.
    """

    def __init__(
        self,
        tokens: np.ndarray,
        offsets: np.ndarray,
        vocabulary: Vocabulary,
        options: BatchOptions,
        seed: int,
        device: torch.device | str = "cpu",
    ):
        self._options = options
        self._seed = seed
        self._device = torch.device(device)
        self._tokens = self._tensor(tokens.astype(np.int32))
        self._offsets = self._tensor(offsets)
        self._starts_word = self._tensor(vocabulary.starts_word)
        self._ends_sentence = self._tensor(vocabulary.ends_sentence)
        counts = np.bincount(tokens, minlength=len(vocabulary))
        self._document_weights = self._tensor(subsampling_weights(counts))
        self._windows = WindowOrder(offsets, options, seed)

    def batch(self, step: int) -> Batch:
        """Returns batch `step`."""
        length = self._options.length(step)
        generator = self.generator(step)
        starts, texts = self._tensor(self._windows.batch(step)).unbind(1)
        ends = torch.minimum(starts + length - SPECIAL_TOKENS, self._offsets[texts + 1])
        first = self._split_points(starts, ends, length, generator)
        is_ordered = torch.randint(2, (len(texts),), generator=generator, device=self._device)
        ids, places, segments = self._arrange(starts, ends, first, is_ordered, length)
        return Batch(
            ids=ids,
            mask=(ids != PAD_ID).long(),
            segments=segments,
            places=places,
            chosen=self._choose(ids, generator),
            is_ordered=is_ordered,
            document_words=self._draw_document_words(texts, generator),
        )

    def generator(self, step: int) -> torch.Generator:
        """Returns the source of everything random in `step`."""
        generator = torch.Generator(self._device)
        return generator.manual_seed(self._seed * SEED_STRIDE + step)

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.array(values)).to(self._device)

    def _split_points(
        self, starts: torch.Tensor, ends: torch.Tensor, length: int, generator: torch.Generator
    ) -> torch.Tensor:
        """Returns the length of each row's first segment: after a sentence near a random place."""
        total = ends - starts
        low, high = (total // 4).clamp(min=1), (total - total // 4).clamp(min=2)
        draw = torch.rand(len(starts), generator=generator, device=self._device)
        wanted = low + (draw * (high - low)).long()
        columns = torch.arange(length, device=self._device)
        places = (starts[:, None] + columns).clamp(max=len(self._tokens) - 1)
        is_end = self._ends_sentence[self._tokens[places].long()]
        is_end &= columns < total[:, None] - 1
        distances = (columns + 1 - wanted[:, None]).abs().masked_fill(~is_end, 2 * length)
        nearest = distances.argmin(1) + 1
        return torch.where(is_end.any(1), nearest, wanted)

    def _arrange(
        self,
        starts: torch.Tensor,
        ends: torch.Tensor,
        first: torch.Tensor,
        is_ordered: torch.Tensor,
        length: int,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Returns ids, places and segments of `[CLS] one [SEP] other [SEP]`."""
        column = torch.arange(length, device=self._device)[None]
        total, ordered = (ends - starts)[:, None], is_ordered.bool()[:, None]
        first = first[:, None]
        one = torch.where(ordered, first, total - first)
        in_one = (column >= 1) & (column <= one)
        in_other = (column >= one + 2) & (column <= total + 1)
        from_one = torch.where(ordered, 0, first) + column - 1
        from_other = torch.where(ordered, first, 0) + column - one - 2
        places = starts[:, None] + torch.where(in_one, from_one, from_other)
        places = torch.where(in_one | in_other, places, NO_PLACE)
        ids = torch.where(places >= 0, self._tokens[places.clamp(min=0)].long(), PAD_ID)
        ids[:, 0] = CLS_ID
        ids = torch.where((column == one + 1) | (column == total + 2), SEP_ID, ids)
        segments = (column >= one + 2) & (column <= total + 2)
        return ids, places, segments.long()

    def _choose(self, ids: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Returns the places to predict: runs of one to three whole words, by ALBERT's odds."""
        is_word = ids >= FIRST_WORD_ID
        begins = ~is_word | self._starts_word[ids] | ~is_word.roll(1, 1)
        words = begins.long().cumsum(1) - 1
        counts = torch.arange(1, 4, device=self._device)
        rate = self._options.masked_fraction / float(NGRAM_PROBABILITIES @ np.arange(1, 4))
        chances = torch.from_numpy(NGRAM_PROBABILITIES).float().to(self._device)
        rows, length = ids.shape
        draw = torch.rand((rows, length), generator=generator, device=self._device) < rate
        flat = torch.multinomial(chances, rows * length, replacement=True, generator=generator)
        runs = counts[flat].view(rows, length) * draw
        ends = (torch.arange(length, device=self._device) + runs).clamp(max=length)
        change = torch.zeros((rows, length + 1), dtype=torch.long, device=self._device)
        change[:, :length] += draw
        change.scatter_add_(1, ends, -draw.long())
        return is_word & (change.cumsum(1).gather(1, words) > 0)

    def _draw_document_words(self, texts: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Returns pieces drawn from all of each row's review, frequent ones less often.

        Four draws are made for each word wanted; those kept come first, the rest is padding.
        """
        wanted = self._options.document_words
        begin, end = self._offsets[texts][:, None], self._offsets[texts + 1][:, None]
        shape = (len(texts), 4 * wanted)
        draw = torch.rand(shape, generator=generator, device=self._device)
        words = self._tokens[begin + (draw * (end - begin)).long()].long()
        keep = torch.rand(shape, generator=generator, device=self._device)
        words = words.masked_fill(keep >= self._document_weights[words], PAD_ID)
        kept_first = (words == PAD_ID).long().argsort(dim=1, stable=True)
        return words.gather(1, kept_first)[:, :wanted]
