"""How alike two texts are: words, shingles, MinHash and its bands, without Beam.

Two texts are exact duplicates where they have the same words, and near duplicates where the
Jaccard similarity of their shingles, runs of `SHINGLE_WORDS` words, reaches `NEAR` (Broder 1997,
"On the resemblance and containment of documents"). MinHash and banding find the pairs that are
worth comparing (Leskovec, Rajaraman & Ullman, "Mining of Massive Datasets", chapter 3): texts of
similarity s share a band with probability 1 - (1 - s**ROWS)**BANDS, which is 0.998 for s = 0.8,
0.4 for s = 0.5 and 0.0002 for s = 0.1.
"""

import functools
import hashlib
import re
import sys
import unicodedata

import numpy as np

from albert_tfx.contract import LINE_BREAK

SHINGLE_WORDS = 3
NEAR = 0.8
BANDS = 16
ROWS = 5
HASH_BYTES = 8

_LINE_BREAK = re.compile(LINE_BREAK)
# The odd constants of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number
# generators"), whose last steps mix all bits of a number into all others.
_GOLDEN, _FIRST, _SECOND = map(
    np.uint64, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
_CACHED_WORDS = 1 << 18


def words(text: str) -> list[str]:
    """Returns the words of `text` in lower case, without punctuation, HTML breaks and white space.

    Symbols that are no punctuation, such as emoji, stay. A text of punctuation alone is one word:
    `:)` is not `:(`.

    >>> words("It's GREAT!<br />Really")
    ['it', 's', 'great', 'really']
    """
    plain = unicodedata.normalize("NFKC", _LINE_BREAK.sub(" ", text)).casefold()
    return plain.translate(_punctuation()).split() or ["".join(plain.split())]


def text_hash(text: bytes) -> int:
    """Returns a number of `HASH_BYTES` bytes, the same for a text in every process."""
    return int.from_bytes(hashlib.blake2b(text, digest_size=HASH_BYTES).digest(), "big")


def digest(text_words: list[str]) -> bytes:
    """Returns 16 bytes that are alike for the same words, and for no others."""
    return hashlib.blake2b(" ".join(text_words).encode(), digest_size=16).digest()


def word_hashes(text_words: list[str]) -> np.ndarray:
    """Returns a hash of each word, uint64 `[len(text_words)]`."""
    return np.fromiter(map(_word_hash, text_words), np.uint64, len(text_words))


def shingles(text_words: list[str]) -> np.ndarray:
    """Returns a hash of each run of `SHINGLE_WORDS` words.

    Args:
      text_words: What `words` returned.

    Returns:
      uint64 `[len(text_words) - SHINGLE_WORDS + 1]`, repeats included; empty for a shorter text,
      which has no near duplicate.
    """
    hashes = word_hashes(text_words)
    count = max(0, len(hashes) - SHINGLE_WORDS + 1)
    return combined([hashes[start : start + count] for start in range(SHINGLE_WORDS)])


def band_keys(text_shingles: np.ndarray) -> np.ndarray:
    """Returns a key for each band of the MinHash signature.

    Args:
      text_shingles: What `shingles` returned.

    Returns:
      uint64 `[BANDS]`, or `[0]` where there is no shingle. Texts with a key in common are to be
      compared.
    """
    if not len(text_shingles):
        return text_shingles
    factors, offsets = _permutations()
    # For each odd factor, a permutation of the 64-bit numbers; NumPy wraps around silently.
    signature = (text_shingles[:, np.newaxis] * factors + offsets).min(axis=0)
    bands = np.arange(BANDS, dtype=np.uint64)
    return combined([bands, *signature.reshape(ROWS, BANDS)])


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the Jaccard similarity of two texts' shingles: shared ones by all different ones."""
    one, other = np.unique(one), np.unique(other)
    shared = len(np.intersect1d(one, other, assume_unique=True))
    different = len(one) + len(other) - shared
    return shared / different if different else 0.0


def combined(columns: list[np.ndarray]) -> np.ndarray:
    """Returns one hash for each row of uint64 columns of equal length."""
    hashes = np.zeros_like(columns[0])
    for column in columns:
        hashes = _mixed((hashes + column) * _GOLDEN)
    return hashes


@functools.cache
def _punctuation() -> dict[int, str]:
    """Maps every punctuation mark of Unicode to a space."""
    marks = (
        code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] == "P"
    )
    return dict.fromkeys(marks, " ")


@functools.lru_cache(_CACHED_WORDS)
def _word_hash(word: str) -> int:
    return text_hash(word.encode())


@functools.cache
def _permutations() -> tuple[np.ndarray, np.ndarray]:
    """Returns factors, all odd, and offsets, each uint64 `[BANDS * ROWS]`."""
    numbers = _mixed(np.arange(1, 2 * BANDS * ROWS + 1, dtype=np.uint64) * _GOLDEN)
    factors, offsets = np.split(numbers, 2)
    return factors | np.uint64(1), offsets


def _mixed(numbers: np.ndarray) -> np.ndarray:
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _FIRST
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _SECOND
    return np.asarray(numbers ^ (numbers >> np.uint64(31)))
