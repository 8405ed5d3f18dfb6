"""Batches: windows of reviews, sentence order, masking.

Batch `n` is a pure function of `n` and the seed: a training that goes on needs only its step.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import itertools
from collections.abc import Callable, Iterator

import numpy as np

from albert_pretraining.vocabulary import (
    CLS_ID,
    FIRST_WORD_ID,
    MASK_ID,
    PAD_ID,
    SEP_ID,
    Vocabulary,
)

SPECIAL_TOKENS = 3  # [CLS] first [SEP] second [SEP]
NGRAM_PROBABILITIES = np.array([6, 3, 2]) / 11  # p(n) ~ 1 / n, ALBERT section 4.1.
MASK_PROBABILITY = 0.8
KEEP_PROBABILITY = 0.1
NO_DOCUMENT_WORD = PAD_ID

Batch = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class BatchOptions:
    """Shapes and rates of the batches.

    Attributes:
      short_length: tokens in a row of most batches.
      long_length: tokens in a row of every `long_every`-th batch.
      tokens_per_batch: rows times length, alike for both.
      long_every: how often a long batch comes.
      masked_fraction: of a row's tokens.
      document_words: pieces drawn from the whole review as targets for the row's mean.
      minimum_long_tokens: shortest review that goes into long batches.
    """

    short_length: int = 128
    long_length: int = 512
    tokens_per_batch: int = 2048
    long_every: int = 8
    masked_fraction: float = 0.15
    document_words: int = 32
    minimum_long_tokens: int = 256

    def length(self, step: int) -> int:
        """Returns the row length of batch `step`."""
        is_long = step % self.long_every == self.long_every - 1
        return self.long_length if is_long else self.short_length

    def rank(self, step: int) -> int:
        """Returns how many batches of the same row length come before batch `step`."""
        long_before = (step + 1) // self.long_every
        return long_before - 1 if self.length(step) == self.long_length else step - long_before


def list_windows(offsets: np.ndarray, width: int, minimum_tokens: int = 8) -> np.ndarray:
    """Cuts every text into the fewest windows that cover it, evenly spaced.

    Args:
      offsets: `[texts + 1]`, where each text begins and the last one ends.
      width: the most tokens in a window.
      minimum_tokens: shorter texts are left out.

    Returns:
      `[windows, 2]` int64: the first token's place, and the text.
    """
    starts, texts = [], []
    for text, (begin, end) in enumerate(itertools.pairwise(offsets)):
        if end - begin < minimum_tokens:
            continue
        count = -(-(end - begin) // width)
        last = max(begin, end - width)
        starts.append(np.linspace(begin, last, count).round().astype(np.int64))
        texts.append(np.full(count, text))
    return np.stack([np.concatenate(starts), np.concatenate(texts)], axis=1)


def split_point(ends_sentence: np.ndarray, generator: np.random.Generator) -> int:
    """Picks where a window parts into two segments: after a sentence near a random place.

    Args:
      ends_sentence: `[tokens]` bool, at least two tokens.
      generator: of the random place.

    Returns:
      The length of the first segment, at least 1 and less than the window's.
    """
    total = len(ends_sentence)
    wanted = generator.integers(max(1, total // 4), max(2, total - total // 4))
    places = np.flatnonzero(ends_sentence[:-1]) + 1
    if not len(places):
        return int(wanted)
    return int(places[np.abs(places - wanted).argmin()])


def choose_masked(
    starts_word: np.ndarray, budget: int, generator: np.random.Generator
) -> np.ndarray:
    """Chooses which tokens to predict: runs of one to three whole words.

    Args:
      starts_word: `[tokens]` bool, whether a token begins a word.
      budget: the most tokens to choose.
      generator: of the choice.

    Returns:
      The chosen places, ascending; fewer than `budget` only where no word fits any more.
    """
    bounds = np.append(np.flatnonzero(starts_word), len(starts_word))
    words = len(bounds) - 1
    chosen = np.zeros(len(starts_word), bool)
    used = 0
    sizes = generator.choice(3, size=max(words, 0), p=NGRAM_PROBABILITIES) + 1
    for word, size in zip(generator.permutation(words), sizes, strict=True):
        begin, end = bounds[word], bounds[min(word + size, words)]
        if used + end - begin > budget or chosen[begin:end].any():
            continue
        chosen[begin:end] = True
        used += end - begin
        if used == budget:
            break
    return np.flatnonzero(chosen)


def corrupt(tokens: np.ndarray, vocabulary_size: int, generator: np.random.Generator) -> np.ndarray:
    """Returns the tokens for the input: 80 % [MASK], 10 % random, 10 % as they were."""
    draw = generator.random(len(tokens))
    random_tokens = generator.integers(FIRST_WORD_ID, vocabulary_size, len(tokens))
    kept = np.where(draw < MASK_PROBABILITY + KEEP_PROBABILITY, tokens, random_tokens)
    return np.where(draw < MASK_PROBABILITY, MASK_ID, kept)


def subsampling_weights(counts: np.ndarray, threshold: float = 1e-4) -> np.ndarray:
    """Returns how likely each piece is kept (Mikolov et al. 2013, section 2.3)."""
    frequency = counts / counts.sum()
    weights = np.minimum(1.0, np.sqrt(threshold / np.maximum(frequency, 1e-12)))
    weights[:FIRST_WORD_ID] = 0.0
    return weights


class WindowOrder:
    """Which windows each batch shows: of its row length, every one once in an epoch.

    Args:
      offsets: `[texts + 1]`, where each text begins and the last one ends.
      options: shapes and rates.
      seed: of the order.
    """

    def __init__(self, offsets: np.ndarray, options: BatchOptions, seed: int):
        self._options = options
        self._seed = seed
        self._windows = {
            options.short_length: list_windows(offsets, options.short_length - SPECIAL_TOKENS),
            options.long_length: list_windows(
                offsets, options.long_length - SPECIAL_TOKENS, options.minimum_long_tokens
            ),
        }
        self._orders: dict[tuple[int, int], np.ndarray] = {}

    def batch(self, step: int) -> np.ndarray:
        """Returns the windows of batch `step`, as rows of `list_windows`."""
        length = self._options.length(step)
        rows = self._options.tokens_per_batch // length
        windows, first = self._windows[length], self._options.rank(step) * rows
        epochs, places = np.divmod(first + np.arange(rows), len(windows))
        return np.stack(
            [
                windows[self._order(length, int(epoch))[place]]
                for epoch, place in zip(epochs, places, strict=True)
            ]
        )

    def _order(self, length: int, epoch: int) -> np.ndarray:
        if (length, epoch) not in self._orders:
            self._orders = {key: order for key, order in self._orders.items() if key[0] != length}
            generator = np.random.default_rng([self._seed, length, epoch])
            self._orders[length, epoch] = generator.permutation(len(self._windows[length]))
        return self._orders[length, epoch]


class BatchSource:
    """Makes batches from a tokenized corpus.

    Args:
      tokens: ids of all texts, one after the other.
      offsets: `[texts + 1]`, where each text begins and the last one ends.
      vocabulary: what the ids are.
      options: shapes and rates.
      seed: of everything random.
    """

    def __init__(
        self,
        tokens: np.ndarray,
        offsets: np.ndarray,
        vocabulary: Vocabulary,
        options: BatchOptions,
        seed: int,
    ):
        self._tokens = tokens
        self._offsets = offsets
        self._vocabulary = vocabulary
        self._options = options
        self._seed = seed
        counts = np.bincount(tokens, minlength=len(vocabulary))
        self._document_weights = subsampling_weights(counts)
        self._windows = WindowOrder(offsets, options, seed)

    def batch(self, step: int) -> Batch:
        """Returns batch `step`.

        Returns:
          int32 `input_word_ids`, `input_mask`, `input_type_ids` `[rows, length]`;
          `masked_positions`, `masked_ids` `[rows, predictions]` and float32 `masked_weights`;
          `is_ordered` `[rows]`, 1 where the two segments stand in their order;
          `document_words` `[rows, document_words]`, `NO_DOCUMENT_WORD` where there is none.
        """
        length = self._options.length(step)
        generator = np.random.default_rng([self._seed, step])
        windows = self._windows.batch(step).tolist()
        made = [self._row(start, text, length, generator) for start, text in windows]
        return {key: np.stack([row[key] for row in made]) for key in made[0]}

    def _row(self, start: int, text: int, length: int, generator: np.random.Generator) -> Batch:
        end = min(start + length - SPECIAL_TOKENS, int(self._offsets[text + 1]))
        window = self._tokens[start:end].astype(np.int32)
        row = self._order_segments(window, length, generator)
        row |= self._mask(row["input_word_ids"], generator)
        row["document_words"] = self._draw_document_words(text, generator)
        return row

    def _order_segments(
        self, window: np.ndarray, length: int, generator: np.random.Generator
    ) -> Batch:
        first = split_point(self._vocabulary.ends_sentence[window], generator)
        segments = [window[:first], window[first:]]
        is_ordered = int(generator.integers(2))
        if not is_ordered:
            segments.reverse()
        ids = np.concatenate([[CLS_ID], segments[0], [SEP_ID], segments[1], [SEP_ID]])
        padding = (0, length - len(ids))
        types = np.repeat([0, 1], [len(segments[0]) + 2, len(segments[1]) + 1])
        return {
            "input_word_ids": np.pad(ids, padding, constant_values=PAD_ID).astype(np.int32),
            "input_mask": np.pad(np.ones(len(ids), np.int32), padding),
            "input_type_ids": np.pad(types, padding).astype(np.int32),
            "is_ordered": np.array(is_ordered, np.int32),
        }

    def _mask(self, ids: np.ndarray, generator: np.random.Generator) -> Batch:
        """Replaces tokens to predict in place, and returns their places and what they were."""
        predictions = round(self._options.masked_fraction * len(ids))
        is_word = ids >= FIRST_WORD_ID
        places = np.flatnonzero(is_word)
        starts = self._vocabulary.starts_word[ids[places]]
        budget = max(1, round(self._options.masked_fraction * len(places)))
        chosen = places[choose_masked(starts, min(budget, predictions), generator)]
        padding = (0, predictions - len(chosen))
        masked_ids = np.pad(ids[chosen], padding).astype(np.int32)
        ids[chosen] = corrupt(ids[chosen], len(self._vocabulary), generator)
        return {
            "masked_positions": np.pad(chosen, padding).astype(np.int32),
            "masked_ids": masked_ids,
            "masked_weights": np.pad(np.ones(len(chosen), np.float32), padding),
        }

    def _draw_document_words(self, text: int, generator: np.random.Generator) -> np.ndarray:
        document = self._tokens[self._offsets[text] : self._offsets[text + 1]]
        wanted = self._options.document_words
        kept = document[generator.random(len(document)) < self._document_weights[document]]
        words = generator.permutation(kept)[:wanted].astype(np.int32)
        return np.pad(words, (0, wanted - len(words)), constant_values=NO_DOCUMENT_WORD)


def prefetch(
    make: Callable[[int], Batch], steps: range, depth: int = 4
) -> Iterator[tuple[int, Batch]]:
    """Yields each step with its batch, made ahead of time on one other thread."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as executor:
        pending = [(step, executor.submit(make, step)) for step in steps[:depth]]
        for ahead in [*steps[depth:], *[None] * min(depth, len(steps))]:
            step, future = pending.pop(0)
            if ahead is not None:
                pending.append((ahead, executor.submit(make, ahead)))
            yield step, future.result()
