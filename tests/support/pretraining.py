"""A vocabulary, a corpus and an encoder's shape, small enough to pretrain in a test."""

import types

import numpy as np
from albert_pretraining.batches import BatchOptions
from albert_pretraining.shape import EncoderShape
from albert_pretraining.vocabulary import FIRST_WORD_ID

SIZE = 105
OPTIONS = BatchOptions(
    short_length=32, long_length=64, tokens_per_batch=128, long_every=4, minimum_long_tokens=40
)
SHAPE = EncoderShape(
    vocabulary_size=40,
    embedding_width=12,
    position_width=4,
    hidden_size=16,
    layers=2,
    attention_heads=2,
    intermediate_size=32,
    maximum_length=32,
)


class ToyVocabulary(types.SimpleNamespace):
    """Every even id begins a word; every tenth ends a sentence."""

    def __init__(self, size: int = SIZE):
        ids = np.arange(size)
        super().__init__(starts_word=ids % 2 == 0, ends_sentence=ids % 10 == 0)

    def __len__(self):
        return len(self.starts_word)


def corpus(shortest: int, longest: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Returns the tokens of 60 texts, and where each begins and the last one ends."""
    generator = np.random.default_rng(0)
    lengths = generator.integers(shortest, longest, 60)
    tokens = generator.integers(FIRST_WORD_ID, SIZE, lengths.sum()).astype(np.uint16)
    return tokens, np.cumsum([0, *lengths])
