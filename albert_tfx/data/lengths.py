"""How long reviews are, in words."""

import bisect
import dataclasses
import re
from collections.abc import Mapping

import numpy as np

from albert_tfx.contract import LINE_BREAK

# Lower bounds, in words, of the length slices; each spans a factor of two.
LENGTH_BOUNDS = (25, 50, 100, 200, 400, 800)

_LINE_BREAK = re.compile(LINE_BREAK.encode())
_QUANTILES = (0.05, 0.5, 0.95, 1.0)


@dataclasses.dataclass(frozen=True)
class ReviewLengths:
    """Words of the reviews of one split.

    Attributes:
      short: Of twenty reviews, one is shorter.
      median: Half of them are shorter.
      long: Of twenty reviews, one is longer.
      longest: Words of the longest one.
    """

    short: int
    median: int
    long: int
    longest: int

    @classmethod
    def of(cls, reviews: Mapping[int, int]) -> "ReviewLengths":
        """Summarizes the number of reviews by their words; there is at least one review.

        >>> ReviewLengths.of({10: 18, 20: 1, 300: 1})
        ReviewLengths(short=10, median=10, long=20, longest=300)
        """
        words = np.repeat(*np.array(sorted(reviews.items()), np.int64).T)
        return cls(*map(int, np.quantile(words, _QUANTILES, method="nearest")))


def count_words(text: bytes) -> int:
    """Returns the number of words between white space, HTML line breaks left out.

    >>> count_words(b"Not bad.<br /><br />Not good.")
    4
    """
    return len(_LINE_BREAK.sub(b" ", text).split())


def length_name(words: int) -> str:
    """Returns the name of the slice that a review of so many words belongs to.

    >>> [length_name(words) for words in (7, 25, 99, 5000)]
    ['under 25 words', '25 to 49 words', '50 to 99 words', '800 words or more']
    """
    index = bisect.bisect(LENGTH_BOUNDS, words)
    if index == 0:
        return f"under {LENGTH_BOUNDS[0]} words"
    if index == len(LENGTH_BOUNDS):
        return f"{LENGTH_BOUNDS[-1]} words or more"
    return f"{LENGTH_BOUNDS[index - 1]} to {LENGTH_BOUNDS[index] - 1} words"


def length_names() -> list[str]:
    """Returns the names of all slices of lengths, the shortest first."""
    return [length_name(words) for words in (0, *LENGTH_BOUNDS)]
