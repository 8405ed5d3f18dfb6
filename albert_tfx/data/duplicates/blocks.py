"""Texts and rows of numbers in blocks.

Element by element, Beam's shuffling takes ten times the memory of the numbers, and NumPy a hundred
times as long for each text as for a block of thousands.
"""

import dataclasses
import itertools
import zlib
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from albert_tfx.data.duplicates.places import File, file_number, file_of, place
from albert_tfx.data.records import read_records, text_and_label
from albert_tfx.data.words import digest, word_hashes, words

Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

_SHARDS = 64
_READ_AT_ONCE = 1_000


@dataclasses.dataclass(frozen=True)
class TextBlock:
    """Some texts of a file, in their order.

    Attributes:
      places: int64 `[texts]`.
      labels: int64 `[texts]`.
      digests: int64 `[texts, 2]`, see `words.digest`.
      words: uint64 `[words of all]`, see `words.word_hashes`.
      ends: int64 `[texts]`, where the words of each end.
    """

    places: Integers
    labels: Integers
    digests: Integers
    words: Hashes
    ends: Integers

    @classmethod
    def of(cls, places: Integers, texts: Iterable[str], labels: Iterable[int]) -> "TextBlock":
        """Returns the block of texts, with their places and labels."""
        split = [words(text) for text in texts]
        digests = b"".join(map(digest, split))
        return cls(
            places,
            np.array([*labels], np.int64),
            np.frombuffer(digests, np.int64).reshape(-1, 2),
            word_hashes([*itertools.chain.from_iterable(split)]),
            np.cumsum([len(each) for each in split]),
        )

    @property
    def lengths(self) -> Integers:
        """Number of words of each, int64 `[texts]`."""
        return np.diff(self.ends, prepend=0)


def read_blocks(file: File, paths: Mapping[File, str]) -> Iterator[TextBlock]:
    """Yields the texts of a file.

    Args:
      file: Which.
      paths: Where each lies, as gzipped TFRecords of examples.
    """
    first = 0
    for records in read_records(paths[file]).batch(_READ_AT_ONCE).as_numpy_iterator():
        texts, labels = zip(*map(decoded, records), strict=True)
        yield TextBlock.of(place(file, np.arange(first, first + len(texts))), texts, labels)
        first += len(texts)


def records_in(path: str) -> Iterator[bytes]:
    """Yields the serialized examples of a file."""
    batches = read_records(path).batch(_READ_AT_ONCE)
    return itertools.chain.from_iterable(batches.as_numpy_iterator())


def decoded(record: bytes) -> tuple[str, int]:
    """Returns text and label of a serialized example."""
    text, label = text_and_label(record)
    return text.decode(errors="replace"), label


def by_shard(*columns: npt.NDArray[np.integer]) -> Iterator[tuple[int, bytes]]:
    """Yields the rows of int64 columns in pieces, by the first column modulo a number."""
    rows = np.column_stack([column.view(np.int64) for column in columns])
    for shard, some in groups(rows[:, 0] % _SHARDS):
        yield shard, _packed(rows[some])


def by_file(*columns: Integers) -> Iterator[tuple[File, bytes]]:
    """Yields the rows of int64 columns in pieces, by the file of the places in the first column."""
    rows = np.column_stack(columns)
    for _, some in groups(file_number(rows[:, 0])):
        yield file_of(int(rows[some[0], 0])), _packed(rows[some])


def groups(keys: Integers) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
    """Yields each key, ascending, with where it is."""
    order = np.argsort(keys, kind="stable")
    found, counts = np.unique(keys, return_counts=True)
    ends = np.cumsum(counts)
    for key, start, end in zip(found.tolist(), ends - counts, ends, strict=True):
        yield key, order[start:end]


def gathered(pieces: Iterable[bytes], columns: int) -> Integers:
    """Returns the rows of a shard, int64 `[rows, columns]`, ascending."""
    unpacked = [_unpacked(piece, columns) for piece in pieces]
    rows = np.concatenate([np.zeros([0, columns], np.int64), *unpacked])
    return rows[np.lexsort(rows.T[::-1])]


def _packed(rows: Integers) -> bytes:
    """Returns rows, all first bytes of the numbers before all second ones: most of them are alike.

    Beam's runner in one process holds several copies of all pieces.
    """
    planes = rows.view(np.uint8).reshape(len(rows), -1).T
    return zlib.compress(planes.tobytes(), level=1)


def _unpacked(piece: bytes, columns: int) -> Integers:
    planes = np.frombuffer(zlib.decompress(piece), np.uint8).reshape(8 * columns, -1)
    return np.ascontiguousarray(planes.T).view(np.int64)


def first_of_each(*columns: Integers) -> npt.NDArray[np.intp]:
    """Returns where, in sorted rows of these columns, one begins that differs from the last."""
    rows = np.column_stack(columns)
    differs = np.ones(len(rows), bool)
    differs[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    return np.flatnonzero(differs)


def ranks(starts: Integers, count: int) -> Integers:
    """Returns the place of each of `count` rows within its group, from 0; groups begin at `starts`.

    >>> ranks(np.array([0, 2]), 5).tolist()
    [0, 1, 0, 1, 2]
    """
    return np.arange(count) - np.repeat(starts, np.diff(starts, append=count))


def expanded(starts: Integers, counts: Integers) -> tuple[Integers, Integers]:
    """Returns `start, start + 1 …`, `count` of them for each, and of which one each is.

    >>> [each.tolist() for each in expanded(np.array([5, 9]), np.array([2, 3]))]
    [[5, 6, 9, 10, 11], [0, 0, 1, 1, 1]]
    """
    owners = np.repeat(np.arange(len(counts)), counts)
    return starts[owners] + ranks(np.cumsum(counts) - counts, len(owners)), owners


def positions_in(known: Integers, wanted: Integers) -> tuple[npt.NDArray[np.bool_], Integers]:
    """Looks numbers up in an ascending array.

    Args:
      known: int64 `[numbers]`, without repeats.
      wanted: int64 `[any]`.

    Returns:
      Which of `wanted` are known, bool, and where in `known` each of those is, int64.
    """
    if not len(known):
        return np.zeros(len(wanted), bool), np.zeros(len(wanted), np.int64)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return known[at] == wanted, at
