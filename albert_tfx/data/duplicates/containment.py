"""Texts that lie whole within a longer text of another split, as Beam transforms.

Phrases of one sentence are such texts: no similarity by Jaccard sees them, as most of the longer
text is not in the shorter one. A text of n words is told by two runs of m words, its first and its
last, where m is the greatest power of two up to n: they cover it. Where a run of another text is
some text's first, the runs that follow it are looked up as that text's last.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

import apache_beam as beam
import numpy as np
import numpy.typing as npt
from apache_beam.pvalue import AsSingleton

from albert_tfx.data.duplicates.blocks import (
    Hashes,
    Integers,
    TextBlock,
    by_shard,
    expanded,
    first_of_each,
    gathered,
    positions_in,
    read_blocks,
)
from albert_tfx.data.duplicates.findings import CONTAINED, Duplicate
from albert_tfx.data.duplicates.places import SPLITS, File, split_of
from albert_tfx.data.duplicates.similarity import combined

# Shorter texts lie within others by chance.
LEAST_WORDS = 4
_WINDOWS_AT_ONCE = 1 << 18

# Entries of the table that passes over most runs for each of those that are looked up.
_SPARSENESS = 16


@dataclasses.dataclass(frozen=True)
class Known:
    """What all texts begin with, and all their keys.

    Attributes:
      firsts: Bytes of int64, ascending: the first run of each.
      keys: Bytes of int64, ascending, without repeats: the key of each.
      table: Bytes, a power of two: 1 at each first run modulo their number. Most runs of most texts
        are found missing there, ten times as fast as among `firsts`.
    """

    firsts: bytes
    keys: bytes
    table: bytes

    @classmethod
    def of(cls, blocks: list[bytes]) -> "Known":
        """Joins first runs and keys, bytes of int64 `[texts, 2]`."""
        rows = np.frombuffer(b"".join(blocks), np.int64).reshape(-1, 2)
        table = np.zeros(1 << (_SPARSENESS * len(rows)).bit_length(), np.uint8)
        table[rows[:, 0] & len(table) - 1] = 1
        return cls(np.sort(rows[:, 0]).tobytes(), np.unique(rows[:, 1]).tobytes(), table.tobytes())

    def perhaps_first(self, found: Integers) -> npt.NDArray[np.intp]:
        """Returns where runs are that may be some text's first."""
        table = np.frombuffer(self.table, np.bool_)
        return np.flatnonzero(table[found & len(table) - 1])


@beam.ptransform_fn
def FindContained(  # noqa: N802  Beam names transforms like classes
    blocks: beam.PCollection[TextBlock], files: beam.PCollection[File], paths: Mapping[File, str]
) -> beam.PCollection[Duplicate]:
    """Finds the texts that lie whole within a longer text of another split.

    Args:
      blocks: All texts.
      files: Where they are read again, once it is known how all begin; no runner keeps them.
      paths: Where each file lies.

    Returns:
      One `Duplicate` for each such text and split that holds it, of the kind CONTAINED, with the
      first text there.
    """
    keyed = blocks | "Keys" >> beam.Map(keys_of)
    known = (
        keyed
        | "Known" >> beam.Map(lambda rows: rows[:, :2].tobytes())
        | "AllKnown" >> beam.combiners.ToList()
        | "Sorted" >> beam.Map(Known.of)
    )
    rows = keyed | "PartsByKey" >> beam.FlatMap(lambda rows: by_shard(*rows[:, 1:].T))
    held = files | "HeldByKey" >> beam.FlatMap(_held_in_file, paths, AsSingleton(known))
    return (
        {"parts": rows, "hosts": held}
        | "Join" >> beam.CoGroupByKey()
        | "Within" >> beam.FlatMap(_within)
    )


def runs(words: Hashes) -> Iterator[tuple[int, Hashes]]:
    """Yields lengths, powers of two from `LEAST_WORDS` on, and a hash of each run of so many words.

    Args:
      words: uint64 `[words]`, what `word_hashes` returned.
    """
    length = 1
    while len(words):
        if length >= LEAST_WORDS:
            yield length, words
        words = combined([words[:-length], words[length:]])
        length *= 2


def keys_of(block: TextBlock) -> Integers:
    """Returns first run, key, place and number of words of each text that has enough of them.

    Args:
      block: Some texts.

    Returns:
      int64 `[texts, 4]`. The key is a hash of the whole text, made of its first run, its last one
      and its length.
    """
    lengths, places, ends = block.lengths, block.places, block.ends
    powers = _greatest_power(lengths)
    rows = [np.zeros([0, 4], np.int64)]
    for length, found in runs(block.words):
        of = np.flatnonzero(powers == length)
        first, last = found[ends[of] - lengths[of]], found[ends[of] - length]
        keys = _key(first, last, lengths[of])
        rows.append(np.column_stack([first.view(np.int64), keys, places[of], lengths[of]]))
    return np.concatenate(rows)


def _key(first: Hashes, last: Hashes, words: Integers) -> Integers:
    return combined([first, last, words.astype(np.uint64)]).view(np.int64)


def _held_in_file(
    file: File, paths: Mapping[File, str], known: Known
) -> Iterator[tuple[int, bytes]]:
    for block in read_blocks(file, paths):
        yield from _held(block, known)


def _held(block: TextBlock, known: Known) -> Iterator[tuple[int, bytes]]:
    """Yields rows of a key, the place of the first text that holds that part, and its length."""
    keys = np.frombuffer(known.keys, np.int64)
    owners = np.repeat(np.arange(len(block.ends)), block.lengths)
    found = [np.zeros([0, 2], np.int64)]
    for length, hashes in runs(block.words):
        for starts in _batches(_begun(block, owners, length, hashes, known), length):
            found.append(_parts_at(block, owners, length, hashes, starts, keys))
    held = np.concatenate(found)
    held = held[np.lexsort(held.T[::-1])]
    held = held[first_of_each(held[:, :1])]
    yield from by_shard(held[:, 0], block.places[held[:, 1]], block.lengths[held[:, 1]])


def _begun(
    block: TextBlock, owners: Integers, length: int, hashes: Hashes, known: Known
) -> Integers:
    """Returns where runs of `length` words begin that some text, the same not counted, begins with.

    Args:
      block: Some texts.
      owners: int64 `[words]`, of which text each word is.
      length: Number of words in a run.
      hashes: uint64 `[runs]`, the hash of each.
      known: Of all texts.
    """
    firsts = np.frombuffer(known.firsts, np.int64)
    starts = known.perhaps_first(hashes.view(np.int64))
    starts = starts[starts + length <= block.ends[owners[starts]]]
    wanted = hashes[starts].view(np.int64)
    at = np.minimum(np.searchsorted(firsts, wanted), max(0, len(firsts) - 1))
    # The text itself is one of them at its start.
    own = (starts == (block.ends - block.lengths)[owners[starts]]) & (
        _greatest_power(block.lengths)[owners[starts]] == length
    )
    at = np.minimum(at + own, len(firsts) - 1)
    return starts[firsts[at] == wanted] if len(firsts) else starts[:0]


def _batches(starts: Integers, length: int) -> Iterator[Integers]:
    at_once = max(1, _WINDOWS_AT_ONCE // length)
    yield from (starts[first : first + at_once] for first in range(0, len(starts), at_once))


def _parts_at(
    block: TextBlock,
    owners: Integers,
    length: int,
    hashes: Hashes,
    starts: Integers,
    keys: Integers,
) -> Integers:
    """Returns keys of the texts that begin at `starts`, with `length` words in their first run.

    Returns:
      int64 `[texts found, 2]`: key, and which text of the block holds it.
    """
    left = block.ends[owners[starts]] - starts
    lasts, of = expanded(starts, np.minimum(length, left - length + 1))
    words = lasts - starts[of] + length
    holders = owners[starts[of]]
    shorter = words < block.lengths[holders]
    wanted = _key(hashes[starts[of]], hashes[lasts], words)
    found, _ = positions_in(keys, wanted)
    return np.column_stack([wanted, holders])[found & shorter]


def _within(shard: tuple[int, dict[str, Iterable[bytes]]]) -> Iterator[Duplicate]:
    """Finds, for each text that others hold, the first of them in each other split."""
    parts, hosts = (gathered(shard[1][side], 3) for side in ("parts", "hosts"))
    for split in range(len(SPLITS)):
        there = hosts[split_of(hosts[:, 1]) == split]
        there = there[first_of_each(there[:, :1])]
        found, at = positions_in(there[:, 0], parts[:, 0])
        found &= split_of(parts[:, 1]) != split
        for (_, part, words), (_, host, of) in zip(
            parts[found].tolist(), there[at[found]].tolist(), strict=True
        ):
            yield Duplicate(part, host, CONTAINED, words / of)


def _greatest_power(numbers: Integers) -> Integers:
    """Returns the greatest power of two up to each number, and 0 for 0."""
    return np.where(numbers > 0, 1 << np.frexp(numbers)[1].astype(np.int64) - 1, 0)
