"""Texts that have the words of an earlier one, or nearly all of them, as Beam transforms.

Digests, keys and sketches are shuffled, and the few texts that sketches find near are read again.
No step sees all pairs.
"""

import collections
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import AsSingleton

from albert_tfx.data.duplicates import similarity as text_similarity
from albert_tfx.data.duplicates.blocks import (
    Hashes,
    Integers,
    TextBlock,
    by_file,
    by_shard,
    decoded,
    expanded,
    first_of_each,
    gathered,
    ranks,
    records_in,
)
from albert_tfx.data.duplicates.findings import EXACT, NEAR, Duplicate
from albert_tfx.data.duplicates.places import File, place, split_of
from albert_tfx.data.words import word_hashes, words

# In a bucket, each text is compared with so many at most, the first ones: of n texts that are all
# alike that finds n - 1, and a bucket that boilerplate has crowded costs no more than n times it.
_MOST_COMPARED = 32
# Of those that look near, so many are read again for each text and each split, the most similar.
_MOST_READ = 2
_PAIRS_AT_ONCE = 1 << 18

Sketches = tuple[bytes, bytes]  # places, int64 and ascending, and the sketch of each


@beam.ptransform_fn
def FindDuplicates(  # noqa: N802  Beam names transforms like classes
    blocks: beam.PCollection[TextBlock], paths: Mapping[File, str]
) -> beam.PCollection[Duplicate]:
    """Finds the duplicates within and between files.

    Args:
      blocks: All texts.
      paths: Where each file lies, as gzipped TFRecords of examples.

    Returns:
      `Duplicate`s. A text that has the words of earlier ones is an exact duplicate of the first of
      them in each split. The first text of all with some words is a near duplicate of the other
      such ones before it that `text_similarity` finds it near to; of many in a split, of the
      nearest.
    """
    same_words = blocks | "Digests" >> beam.FlatMap(_digests) | "ByWords" >> beam.GroupByKey()
    exact = same_words | "Exact" >> beam.FlatMap(_exact_duplicates)
    repeats = (
        same_words
        | "Repeats" >> beam.FlatMap(_repeats)
        | "AllRepeats" >> beam.combiners.ToList()
        | "SortedRepeats" >> beam.Map(_sorted_numbers)
    )
    signed = blocks | "Signatures" >> beam.Map(_signatures)
    sketches = (
        signed
        | "Sketches" >> beam.MapTuple(_sketches)
        | "AllSketches" >> beam.combiners.ToList()
        | "SortedSketches" >> beam.Map(_sorted_sketches)
    )
    pairs = (
        signed
        | "Bands" >> beam.FlatMapTuple(_bands)
        | "Buckets" >> beam.GroupByKey()
        | "Candidates" >> beam.FlatMap(_candidates, AsSingleton(repeats), AsSingleton(sketches))
        | "ByText" >> beam.GroupByKey()
        | "Nearest" >> beam.FlatMap(_nearest)
    )
    originals = (
        pairs
        | "ByFile" >> beam.GroupByKey()
        | "Originals" >> beam.FlatMap(_originals)
        | "Wanted" >> beam.GroupByKey()
        | "ReadOriginals" >> beam.FlatMap(_shingles_of_originals, paths)
    )
    near = (
        {"pairs": pairs, "originals": originals}
        | "WithOriginals" >> beam.CoGroupByKey()
        | "Near" >> beam.FlatMap(_near_duplicates, paths)
    )
    return (exact, near) | beam.Flatten()


def _digests(block: TextBlock) -> Iterator[tuple[int, bytes]]:
    yield from by_shard(block.digests[:, 0], block.digests[:, 1], block.places, block.labels)


def _exact_duplicates(shard: tuple[int, Iterable[bytes]]) -> Iterator[Duplicate]:
    rows = gathered(shard[1], 4)
    starts = first_of_each(rows[:, :2])
    ends = np.append(starts[1:], len(rows))
    for group in np.flatnonzero(ends - starts > 1).tolist():
        firsts: dict[int, list[int]] = {}
        for text, label in rows[starts[group] : ends[group], 2:].tolist():
            for original, other in firsts.values():
                yield Duplicate(text, original, EXACT, 1.0, has_other_label=label != other)
            firsts.setdefault(split_of(text), [text, label])


def _repeats(shard: tuple[int, Iterable[bytes]]) -> Iterator[bytes]:
    """Yields the places of all texts that have the words of an earlier one."""
    rows = gathered(shard[1], 4)
    yield np.delete(rows[:, 2], first_of_each(rows[:, :2])).tobytes()


def _sorted_numbers(pieces: list[bytes]) -> bytes:
    return np.sort(np.frombuffer(b"".join(pieces), np.int64)).tobytes()


def _signatures(block: TextBlock) -> tuple[Integers, Hashes]:
    """Returns the places of the texts that have a shingle, and their signatures."""
    found, counts = text_similarity.shingles(block.words, block.ends)
    some = counts > 0
    if not some.any():
        return block.places[:0], np.zeros([0, text_similarity.BANDS * text_similarity.ROWS], "u8")
    return block.places[some], text_similarity.signatures(found, counts[some])


def _sketches(places: Integers, signatures: Hashes) -> Sketches:
    return places.tobytes(), text_similarity.sketches(signatures).tobytes()


def _sorted_sketches(blocks: list[Sketches]) -> Sketches:
    """Joins the sketches of blocks, whose places do not interleave."""
    places, sketches = zip(*sorted(blocks, key=_first_place), strict=True) if blocks else ((), ())
    return b"".join(places), b"".join(sketches)


def _first_place(block: Sketches) -> int:
    return int(np.frombuffer(block[0][:8], np.int64).sum())  # 0 where there is none


def _bands(places: Integers, signatures: Hashes) -> Iterator[tuple[int, bytes]]:
    keys = text_similarity.band_keys(signatures)
    yield from by_shard(keys.ravel(), np.repeat(places, text_similarity.BANDS))


def _candidates(
    shard: tuple[int, Iterable[bytes]], repeats: bytes, sketches: Sketches
) -> Iterator[tuple[int, bytes]]:
    """Yields rows of text, earlier text and likeness, by the text's shard."""
    rows = gathered(shard[1], 2)
    rows = rows[~np.isin(rows[:, 1], np.frombuffer(repeats, np.int64))]
    starts = first_of_each(rows[:, :1])
    rank = ranks(starts, len(rows))
    compared = np.minimum(rank, _MOST_COMPARED)
    for some in _slices(compared):
        earlier, owners = expanded((np.arange(len(rows)) - rank)[some], compared[some])
        pairs = np.stack([rows[some, 1][owners], rows[earlier, 1]], axis=1)
        alike = _likeness(pairs, sketches)
        if len(near := np.flatnonzero(alike >= text_similarity.PERHAPS_NEAR)):
            found = np.column_stack([pairs[near], -(1_000_000 * alike[near]).astype(np.int64)])
            yield from by_shard(*_most_alike(found).T)


def _slices(counts: Integers) -> Iterator[slice]:
    """Yields slices of the rows, each of not many more pairs than are compared at once."""
    sums = np.cumsum(counts)
    ends = np.searchsorted(sums, np.arange(_PAIRS_AT_ONCE, sums[-1:].sum(), _PAIRS_AT_ONCE)) + 1
    bounds = np.unique([0, *ends, len(counts)]).tolist()
    yield from (slice(*pair) for pair in itertools.pairwise(bounds))


def _likeness(pairs: Integers, sketches: Sketches) -> np.ndarray:
    places = np.frombuffer(sketches[0], np.int64)
    known = np.frombuffer(sketches[1], np.uint64).reshape(-1, 2)
    one, other = (known[np.searchsorted(places, column)] for column in pairs.T)
    return text_similarity.sketched_similarity(one, other)


def _most_alike(rows: Integers) -> Integers:
    """Returns, of rows of text, earlier text and -likeness, the first of each text and split."""
    text, earlier, unlike = np.unique(rows, axis=0).T
    split = split_of(earlier)
    order = np.lexsort([earlier, unlike, split, text])
    starts = first_of_each(text[order], split[order])
    nearest = order[ranks(starts, len(order)) < _MOST_READ]
    return np.column_stack([text, earlier, unlike])[nearest]


def _nearest(shard: tuple[int, Iterable[bytes]]) -> Iterator[tuple[File, bytes]]:
    """Yields rows of text and earlier text, by the text's file."""
    yield from by_file(*_most_alike(gathered(shard[1], 3))[:, :2].T)


def _originals(
    pairs: tuple[File, Iterable[bytes]],
) -> Iterator[tuple[File, tuple[File, bytes]]]:
    """Yields the earlier texts that a file's are to be compared with, by their own file."""
    file, pieces = pairs
    for other, places in by_file(np.unique(gathered(pieces, 2)[:, 1])):
        yield other, (file, places)


def _shingles_of_originals(
    wanted: tuple[File, Iterable[tuple[File, bytes]]], paths: Mapping[File, str]
) -> Iterator[tuple[File, tuple[int, bytes]]]:
    """Yields place and shingles of a file's texts, by the file that they are compared with."""
    file, pieces = wanted
    wanting = collections.defaultdict(list)
    for other, places in pieces:
        for (each,) in gathered([places], 1).tolist():
            wanting[each].append(other)
    for each, shingles in _shingles(file, paths[file], wanting):
        yield from ((other, (each, shingles.tobytes())) for other in wanting[each])


def _near_duplicates(
    group: tuple[File, dict[str, Iterable[Any]]], paths: Mapping[File, str]
) -> Iterator[Duplicate]:
    file, joined = group
    originals = dict(joined["originals"])
    earlier = collections.defaultdict(list)
    for text, original in gathered(joined["pairs"], 2).tolist():
        earlier[text].append(original)
    for text, shingles in _shingles(file, paths[file], earlier):
        for original in earlier[text]:
            other = np.frombuffer(originals[original], np.uint64)
            similarity = text_similarity.similarity(shingles, other)
            if similarity >= text_similarity.NEAR:
                yield Duplicate(text, original, NEAR, similarity)


def _shingles(file: File, path: str, wanted: Collection[int]) -> Iterator[tuple[int, Hashes]]:
    """Yields place and shingles of those of a file's texts whose places are wanted."""
    for row, record in enumerate(records_in(path)):
        if (at := place(file, row)) in wanted:
            hashes = word_hashes(words(decoded(record)[0]))
            yield at, text_similarity.shingles(hashes, np.array([len(hashes)]))[0]
