"""Words and pairs of words of a text, counted by operations of TensorFlow's core alone.

Training and serving call the same operations, so that both see the same n-grams. What a character
becomes is read from a table that Python's `unicodedata` fills and the exported model carries: the
answer depends neither on the Unicode version nor on the locale of the server. The table maps each
character by itself, whatever its neighbours are; marks keep the order in which they were written.
"""

import functools
import sys
import unicodedata
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from scipy import sparse

from albert_tfx.contract import LINE_BREAK

# n-grams are hashed, not listed, so that memory has a bound whatever the data set: of IMDB's,
# 2**20 columns instead gain 0.2 points of accuracy.
COLUMNS = 2**18
_UTF_8 = "UTF-8"
_BATCH_SIZE = 512
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"  # of bytes that are no UTF-8
_VARIATION_SELECTORS = {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
_UNCHANGED = -1  # in the place of a character that the table does not change
_UNASSIGNED = ("Cn", "Co", "Cs")  # free, of private use, and halves of UTF-16


class NgramCounter(tf.Module):
    """Counts the n-grams of texts, of one and of two words.

    A word is what lies between white space and punctuation, with case and compatibility forms
    folded; symbols that are no punctuation, such as emoji, are parts of words. HTML line breaks
    separate words, too. A text of white space and punctuation alone has no n-gram.

    Attributes:
      changed: int32 `[changed]`, the code points that the table changes, in ascending order.
      folded: int32 `[values]`, what they become, one after the other, and `_UNCHANGED` at the end.
      splits: int64 `[changed + 2]`, where each one's begins in `folded`.
    """

    def __init__(self) -> None:
        super().__init__(name="ngram_counter")
        table = folded_characters()
        rows = [[ord(each) for each in folded] for folded in table.values()] + [[_UNCHANGED]]
        self.changed = _constant(list(table), tf.int32)
        self.folded = _constant([code for row in rows for code in row], tf.int32)
        self.splits = _constant(np.cumsum([0, *map(len, rows)]), tf.int64)

    def words(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Returns the words of texts in UTF-8, string `[batch]`, as string `[batch, (words)]`."""
        plain = tf.strings.regex_replace(text, LINE_BREAK, " ")
        codes = tf.strings.unicode_decode(plain, _UTF_8)
        return tf.strings.split(tf.strings.unicode_encode(self._fold(codes), _UTF_8))

    def _fold(self, codes: tf.RaggedTensor) -> tf.RaggedTensor:
        """Maps code points, int32 `[batch, (characters)]`, by the table."""
        table = tf.RaggedTensor.from_row_splits(self.folded, self.splits, validate=False)
        last = tf.size(self.changed) - 1
        place = tf.minimum(tf.searchsorted(self.changed, codes.flat_values), last)
        is_changed = tf.gather(self.changed, place) == codes.flat_values
        found = tf.gather(table, tf.where(is_changed, place, last + 1))
        own = tf.repeat(codes.flat_values, found.row_lengths())
        folded = found.with_values(tf.where(found.values == _UNCHANGED, own, found.values))
        return codes.with_flat_values(folded).merge_dims(1, 2)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def counts(self, text: tf.Tensor) -> tf.SparseTensor:
        """Counts the n-grams of texts.

        Args:
          text: string `[batch]`, in UTF-8.

        Returns:
          float64 `[batch, COLUMNS]`. An n-gram's column is its FarmHash fingerprint (TensorFlow's
          `string_to_hash_bucket_fast`) modulo their number.
        """
        ngrams = tf.strings.ngrams(self.words(text), (1, 2))
        column = tf.strings.to_hash_bucket_fast(ngrams.values, COLUMNS)
        cell = ngrams.value_rowids() * COLUMNS + column
        cells, _, counts = tf.unique_with_counts(tf.sort(cell), tf.int64)
        shape = tf.stack([tf.size(text, tf.int64), COLUMNS])
        indices = tf.stack([cells // COLUMNS, cells % COLUMNS], axis=1)
        return tf.SparseTensor(indices, tf.cast(counts, tf.float64), shape)

    def matrix(self, texts: Sequence[bytes]) -> sparse.csr_matrix:
        """Returns the counts of texts as scikit-learn takes them, float64 `[texts, COLUMNS]`."""
        parts = (texts[at : at + _BATCH_SIZE] for at in range(0, len(texts), _BATCH_SIZE))
        return sparse.vstack([_matrix(self.counts(tf.constant(part))) for part in parts], "csr")


@functools.cache
def folded_characters() -> dict[int, str]:
    """Returns what each character becomes that does not stay as it is, by its code point.

    Characters are decomposed by compatibility and folded in case (Unicode's NFKD and full case
    folding). Punctuation and white space become a space, and so do bytes that are no UTF-8. Format
    characters, which are not seen, and variation selectors vanish.
    """
    assigned = (each for each in map(chr, range(sys.maxunicode + 1)) if _is_assigned(each))
    folded = ((character, _folded(character)) for character in assigned)
    return {ord(character): text for character, text in folded if text != character}


def _is_assigned(character: str) -> bool:
    """Returns whether Unicode says what a character is; three in four of all places are free."""
    return unicodedata.category(character) not in _UNASSIGNED


def _folded(character: str) -> str:
    decomposed = unicodedata.normalize("NFKD", character).casefold()
    return "".join(map(_as_part_of_words, unicodedata.normalize("NFKD", decomposed)))


def _as_part_of_words(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "P" or character.isspace() or character == _REPLACEMENT:
        return " "
    return "" if category == "Cf" or ord(character) in _VARIATION_SELECTORS else character


def _constant(values: Sequence[int] | np.ndarray, dtype: tf.DType) -> tf.Variable:
    """Returns a variable, since a SavedModel's fingerprint takes those into account."""
    return tf.Variable(values, trainable=False, dtype=dtype)


def _matrix(counts: tf.SparseTensor) -> sparse.csr_matrix:
    rows, columns = counts.indices.numpy().T
    return sparse.csr_matrix((counts.values.numpy(), (rows, columns)), counts.shape)
