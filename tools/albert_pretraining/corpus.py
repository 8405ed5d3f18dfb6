"""The pretraining text: IMDB's training and unlabelled reviews, without any test text."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterable, Sequence

LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
WHITE_SPACE = re.compile(r"\s+")


@dataclasses.dataclass(frozen=True)
class CorpusCounts:
    """How many reviews were read, and how many were left out and why."""

    read: int
    in_test: int
    duplicates: int
    kept: int


def normalize(text: str) -> str:
    """Returns the text as the exported preprocessor's tokenizer sees it.

    Line-break marks become spaces; the rest is ALBERT's own normalisation (canonical decomposition,
    diacritics stripped, case folded), so that tokens here and in the export agree.
    """
    decomposed = unicodedata.normalize("NFD", LINE_BREAK.sub(" ", text))
    stripped = "".join(char for char in decomposed if unicodedata.category(char) != "Mn")
    return WHITE_SPACE.sub(" ", stripped.casefold()).strip()


def exclude_test_texts(
    texts: Iterable[str], test_texts: Iterable[str]
) -> tuple[list[str], CorpusCounts]:
    """Normalises `texts` and drops repeats and those that are also in `test_texts`.

    Args:
      texts: raw reviews.
      test_texts: raw reviews that must never be trained on.

    Returns:
      The kept reviews, normalised, in their order, and the counts.
    """
    forbidden = {normalize(text) for text in test_texts}
    kept: dict[str, None] = {}
    read = in_test = 0
    for text in map(normalize, texts):
        read += 1
        if text in forbidden:
            in_test += 1
        else:
            kept[text] = None
    counts = CorpusCounts(read, in_test, read - in_test - len(kept), len(kept))
    return list(kept), counts


def load_split(dataset: str, split: str) -> list[str]:
    """Reads the texts of one TFDS split in a fixed order, preparing the dataset if it must."""
    import tensorflow_datasets as tfds

    examples = tfds.as_numpy(tfds.load(dataset, split=split, shuffle_files=False))
    return [example["text"].decode("utf-8") for example in examples]


def load_pretraining_texts(
    dataset: str = "imdb_reviews", splits: Sequence[str] = ("train", "unsupervised")
) -> tuple[list[str], dict[str, CorpusCounts]]:
    """Loads the corpus: every text of `splits` that is not in the `test` split, once.

    Returns:
      The normalised reviews, and the counts of each split.
    """
    test_texts = load_split(dataset, "test")
    kept: list[str] = []
    counts = {}
    for split in splits:
        texts, counts[split] = exclude_test_texts(load_split(dataset, split), test_texts)
        kept.extend(texts)
    unique = list(dict.fromkeys(kept))
    counts["all"] = CorpusCounts(
        read=sum(count.read for count in counts.values()),
        in_test=sum(count.in_test for count in counts.values()),
        duplicates=sum(count.duplicates for count in counts.values()) + len(kept) - len(unique),
        kept=len(unique),
    )
    return unique, counts
