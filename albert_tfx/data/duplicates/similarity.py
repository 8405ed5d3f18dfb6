"""How alike texts are: shingles, MinHash, its bands and sketches, for many texts at once.

Two texts are exact duplicates where they have the same words, and near duplicates where the
Jaccard similarity of their shingles, runs of `SHINGLE_WORDS` words, reaches `NEAR` (Broder 1997,
"On the resemblance and containment of documents"). MinHash and banding find the pairs that are
worth comparing (Leskovec, Rajaraman & Ullman, "Mining of Massive Datasets", chapter 3): texts of
similarity s share a band with probability 1 - (1 - s**ROWS)**BANDS, which is 0.998 for s = 0.8,
0.4 for s = 0.5 and 0.0002 for s = 0.1. A sketch, two bits of each of `SKETCHED` minima, tells from
16 bytes how similar they are, give or take 0.06 (Li & König 2010, "b-bit minwise hashing").
"""

import functools

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

SHINGLE_WORDS = 3
NEAR = 0.8
BANDS = 16
ROWS = 5
SKETCHED = 64
# Four standard errors of a sketch, sqrt(p (1 - p) / SKETCHED) / 0.75 with p = 0.25 + 0.75 NEAR,
# below `NEAR`: of pairs that are near, one in 15,000 looks less similar than this.
PERHAPS_NEAR = 0.56

# The odd constants of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number
# generators"), whose last steps mix all bits of a number into all others.
_GOLDEN, _FIRST, _SECOND = map(
    np.uint64, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
_SPARED_BITS = np.uint64(16)


def shingles(words: Hashes, ends: npt.NDArray[np.int64]) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Returns a hash of each run of `SHINGLE_WORDS` words, of many texts.

    Args:
      words: uint64 `[words of all texts]`, what `word_hashes` returned.
      ends: int64 `[texts]`, where the words of each end.

    Returns:
      uint64 `[shingles of all texts]`, repeats included, and the number of each text's, int64
      `[texts]`: none for a text of fewer words, which has no near duplicate.
    """
    lengths = np.diff(ends, prepend=0)
    runs = max(0, len(words) - SHINGLE_WORDS + 1)
    within = np.arange(runs) + SHINGLE_WORDS <= np.repeat(ends, lengths)[:runs]
    hashes = combined([words[start : start + runs] for start in range(SHINGLE_WORDS)])
    return hashes[within], np.maximum(0, lengths - SHINGLE_WORDS + 1)


def signatures(text_shingles: Hashes, counts: npt.NDArray[np.int64]) -> Hashes:
    """Returns the MinHash signature of each text that has a shingle.

    Args:
      text_shingles: uint64 `[shingles of all texts]`, text by text.
      counts: int64 `[texts]`, how many each has; at least one.

    Returns:
      uint64 `[texts, BANDS * ROWS]`.
    """
    starts = np.cumsum(counts) - counts
    columns = [
        np.minimum.reduceat(text_shingles * factor + offset, starts)
        for factor, offset in zip(*_permutations(), strict=True)
    ]
    return np.stack(columns, axis=1)


def band_keys(text_signatures: Hashes) -> Hashes:
    """Returns a key for each band of a signature.

    Args:
      text_signatures: uint64 `[texts, BANDS * ROWS]`.

    Returns:
      uint64 `[texts, BANDS]`, of 48 bits: less to shuffle, and one that is shared by chance costs a
      comparison. Texts with a key in common are to be compared.
    """
    rows = text_signatures.reshape(-1, ROWS, BANDS)
    bands = np.broadcast_to(np.arange(BANDS, dtype=np.uint64), rows[:, 0].shape)
    return combined([bands, *np.moveaxis(rows, 1, 0)]) >> _SPARED_BITS


def sketches(text_signatures: Hashes) -> Hashes:
    """Returns two bits of each of `SKETCHED` minima.

    Args:
      text_signatures: uint64 `[texts, BANDS * ROWS]`.

    Returns:
      uint64 `[texts, 2]`: all first bits, all second bits.
    """
    mixed = _mixed(text_signatures[:, :SKETCHED])
    places = np.arange(SKETCHED, dtype=np.uint64)
    planes = [((mixed >> np.uint64(bit)) & np.uint64(1)) << places for bit in range(2)]
    return np.stack([np.bitwise_or.reduce(plane, axis=1) for plane in planes], axis=1)


def sketched_similarity(one: Hashes, other: Hashes) -> npt.NDArray[np.float64]:
    """Estimates the Jaccard similarity of pairs of texts, float64 `[pairs]`.

    Args:
      one: uint64 `[pairs, 2]`, their sketches.
      other: uint64 `[pairs, 2]`.
    """
    first, second = (one ^ other).T
    alike = 1 - np.bitwise_count(first | second) / SKETCHED
    return (4 * alike - 1) / 3  # a quarter of different minima have the same two bits


def similarity(one: Hashes, other: Hashes) -> float:
    """Returns the Jaccard similarity of two texts' shingles: shared ones by all different ones."""
    one, other = np.unique(one), np.unique(other)
    shared = len(np.intersect1d(one, other, assume_unique=True))
    different = len(one) + len(other) - shared
    return shared / different if different else 0.0


def combined(columns: list[Hashes]) -> Hashes:
    """Returns one hash for each row of uint64 columns of equal shape."""
    hashes = np.zeros_like(columns[0])
    for column in columns:
        hashes = _mixed((hashes + column) * _GOLDEN)
    return hashes


@functools.cache
def _permutations() -> tuple[Hashes, Hashes]:
    """Returns factors, all odd, and offsets, each uint64 `[BANDS * ROWS]`.

    For each odd factor, a permutation of the 64-bit numbers; NumPy wraps around silently.
    """
    numbers = _mixed(np.arange(1, 2 * BANDS * ROWS + 1, dtype=np.uint64) * _GOLDEN)
    factors, offsets = np.split(numbers, 2)
    return factors | np.uint64(1), offsets


def _mixed(numbers: Hashes) -> Hashes:
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _FIRST
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _SECOND
    return np.asarray(numbers ^ (numbers >> np.uint64(31)))
