"""What every training of a recipe answers to the texts of a split, kept in the Trainer's folder."""

import dataclasses
import io
import os
from collections.abc import Mapping, Sequence

import numpy as np
from etils import epath
from numpy.typing import NDArray

from albert_tfx.contract import EXTRA_ASSETS, RECIPE_FILE, SEEDS_FILE, TEST
from albert_tfx.data.lengths import count_words
from albert_tfx.data.words import text_hash
from albert_tfx.errors import InputError
from albert_tfx.storage import write_bytes

# Of more texts, those with the smallest hashes are kept: a random sample, the same in every run.
_MOST_TEXTS = 200_000
# Those with the smallest hashes, so that two recipes keep the same ones: a standard error of 0.5
# points of accuracy at the most.
_MOST_TEXTS_BESIDE_A_MODEL = 10_000

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]


@dataclasses.dataclass(frozen=True)
class Answers:
    """The answers of every training of one recipe to the same texts.

    Texts lie in the order of their hashes, so that two recipes' answers to one split are row by row
    about the same text.

    Attributes:
      hashes: uint64 `[texts]`, ascending, the texts' `text_hash`.
      labels: int64 `[texts]`.
      words: int64 `[texts]`, their lengths.
      probabilities: float32 `[seeds, texts, classes]`.
    """

    hashes: Ints
    labels: Ints
    words: Ints
    probabilities: Floats

    @classmethod
    def of(cls, texts: Sequence[bytes], labels: Ints, probabilities: Floats) -> "Answers":
        """Puts answers into order.

        Args:
          texts: In UTF-8.
          labels: int `[texts]`.
          probabilities: float `[seeds, texts, classes]`.
        """
        hashes = np.array([text_hash(text) for text in texts], np.uint64)
        words = np.array([count_words(text) for text in texts], np.int64)
        kept = np.lexsort([labels, hashes])[:_MOST_TEXTS]
        return cls(
            hashes[kept],
            np.asarray(labels, np.int64)[kept],
            words[kept],
            np.asarray(probabilities, np.float32)[:, kept],
        )

    @property
    def seeds(self) -> int:
        """Number of trainings."""
        return len(self.probabilities)

    @property
    def right(self) -> Floats:
        """Whether each answer is the label, as float64 `[seeds, texts]`."""
        right: Floats = (self.probabilities.argmax(axis=2) == self.labels).astype(np.float64)
        return right

    def first(self, texts: int) -> "Answers":
        """Returns the answers to so many texts, those with the smallest hashes."""
        return Answers(
            self.hashes[:texts],
            self.labels[:texts],
            self.words[:texts],
            self.probabilities[:, :texts],
        )

    def require_same_texts(self, other: "Answers") -> None:
        """Refuses to pair what is not about the same texts, or not by as many trainings.

        Raises:
          InputError: One of the two.
        """
        is_same = np.array_equal(self.hashes, other.hashes) and self.seeds == other.seeds
        if not is_same or not np.array_equal(self.labels, other.labels):
            raise InputError(
                "The two Trainers' answers are not about the same texts, or not by as many seeds",
                "Run the pipeline again, so that both are made of the same split",
            )


def save(folder: str, answers: Mapping[str, Answers], file: str = SEEDS_FILE) -> None:
    """Writes the answers by split into a folder, such as the Trainer's `model_run`."""
    arrays = {
        f"{split}.{field}": array
        for split, each in answers.items()
        for field, array in vars(each).items()
    }
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_bytes(epath.Path(folder) / file, content.getvalue())


def load(folder: str, file: str = SEEDS_FILE) -> dict[str, Answers]:
    """Reads what `save` wrote, by split; nothing where an earlier version's Trainer wrote it."""
    path = epath.Path(folder) / file
    if not path.exists():
        return {}
    content = path.read_bytes()
    fields = [field.name for field in dataclasses.fields(Answers)]
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        splits = dict.fromkeys(key.partition(".")[0] for key in arrays)
        return {
            split: Answers(**{field: arrays[f"{split}.{field}"] for field in fields})
            for split in splits
        }


def keep(saved_model: str, answers: Answers) -> None:
    """Writes what a recipe's trainings answered beside its exported model; nothing of one alone.

    Args:
      saved_model: Folder of the exported model.
      answers: To the test texts, of which it keeps hashes and no text.
    """
    if answers.seeds > 1:
        save(_folder(saved_model), {TEST: answers.first(_MOST_TEXTS_BESIDE_A_MODEL)}, RECIPE_FILE)


def kept(saved_model: str | None) -> Answers | None:
    """Returns what `keep` wrote, None where it never did."""
    return None if saved_model is None else load(_folder(saved_model), RECIPE_FILE).get(TEST)


def _folder(saved_model: str) -> str:
    return os.path.join(saved_model, EXTRA_ASSETS)
