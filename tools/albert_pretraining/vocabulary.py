"""The SentencePiece vocabulary, and the corpus as token ids."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np

PAD_ID, UNKNOWN_ID, CLS_ID, SEP_ID, MASK_ID = range(5)
FIRST_WORD_ID = 5
WORD_START = "\u2581"
SENTENCE_ENDS = (".", "!", "?")


def train_vocabulary(texts: Sequence[str], model_path: pathlib.Path, size: int, seed: int) -> None:
    """Trains a unigram SentencePiece model with ALBERT's special ids.

    Args:
      texts: normalised reviews.
      model_path: where the model goes.
      size: the number of pieces, special ones included.
      seed: of the sentence sample that the model is trained on.
    """
    import sentencepiece

    sentencepiece.set_random_generator_seed(seed)
    with model_path.open("wb") as model:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type="unigram",
            vocab_size=size,
            character_coverage=0.9999,
            input_sentence_size=30_000,
            shuffle_input_sentence=True,
            max_sentence_length=20_000,
            pad_id=PAD_ID,
            unk_id=UNKNOWN_ID,
            bos_id=-1,
            eos_id=-1,
            control_symbols=["[CLS]", "[SEP]", "[MASK]"],
            num_threads=2,
            minloglevel=1,
        )


class Vocabulary:
    """A trained SentencePiece model: text to ids, and what the ids are.

    Attributes:
      pieces: the pieces' texts, `WORD_START` for the space before a word.
      starts_word: `[size]` bool, whether a piece begins a word.
      ends_sentence: `[size]` bool, whether a piece ends a sentence.
    """

    def __init__(self, model_path: pathlib.Path):
        import sentencepiece

        self._processor = sentencepiece.SentencePieceProcessor(model_file=str(model_path))
        self.pieces = [self._processor.id_to_piece(index) for index in range(len(self))]
        self.starts_word = np.array([piece.startswith(WORD_START) for piece in self.pieces])
        self.ends_sentence = np.array(
            [piece.lstrip(WORD_START) in SENTENCE_ENDS for piece in self.pieces]
        )

    def __len__(self) -> int:
        return len(self._processor)

    def encode(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Encodes normalised texts.

        Returns:
          `tokens`, uint16, all texts' ids one after the other, and `offsets`, `[texts + 1]` int64:
          text `i` is `tokens[offsets[i]:offsets[i + 1]]`.
        """
        encoded = [np.array(ids, np.uint16) for ids in self._processor.encode(list(texts))]
        offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return np.concatenate(encoded), offsets
