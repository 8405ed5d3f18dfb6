"""Words of texts, and numbers that stand for words and texts in every process alike."""

import functools
import hashlib
import re
import sys
import unicodedata

import numpy as np
import numpy.typing as npt

from albert_tfx.contract import LINE_BREAK

HASH_BYTES = 8

_LINE_BREAK = re.compile(LINE_BREAK)
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


def word_hashes(text_words: list[str]) -> npt.NDArray[np.uint64]:
    """Returns a hash of each word, uint64 `[len(text_words)]`."""
    return np.fromiter(map(_word_hash, text_words), np.uint64, len(text_words))


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
