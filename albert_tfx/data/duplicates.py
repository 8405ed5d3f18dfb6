"""Finds and takes out reviews that repeat others, as Beam transforms.

Reviews are known by where they stand; only digests, hashes and positions are shuffled, and the
few texts that have to be compared are read again. No step sees all pairs.
"""

import collections
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping

import apache_beam as beam
import numpy as np
import tensorflow as tf

from albert_tfx.contract import DUPLICATE_FINDER, EVAL, LABEL, TEST, TEXT, TRAIN
from albert_tfx.data import similarity as text_similarity
from albert_tfx.progress import Progress, report

EXACT = "exact"
NEAR = "near"
KEPT = "kept"
# Of two reviews that are alike, the one whose split comes first here stays.
SPLITS = (TEST, EVAL, TRAIN)

File = tuple[int, int]  # index into SPLITS, number of the file within the split
Position = tuple[int, int, int]  # a File, and the row in it
Pair = tuple[Position, Position]  # the earlier first
Fate = tuple[str, int, str]  # split, label, and EXACT, NEAR or KEPT

# In a bucket, each text is compared with so many at most, the first ones: of n texts that are all
# alike that finds n - 1, and a bucket that boilerplate has crowded costs no more than n times it.
_MOST_COMPARED = 32
_EXCERPT_CHARACTERS = 100
_READ_AT_ONCE = 1_000


@dataclasses.dataclass(frozen=True, order=True)
class Text:
    """A review, as far as it has to be known.

    Attributes:
      position: Where it stands.
      excerpt: How it begins.
      hashes: Bytes of a uint64 array: its bands' keys, or its shingles.
    """

    position: Position
    excerpt: str
    hashes: bytes


@dataclasses.dataclass(frozen=True, order=True)
class Duplicate:
    """A review that repeats an earlier one: by split, in the order of `SPLITS`, file and row.

    Attributes:
      review: Where it stands.
      original: Where the earlier one stands.
      kind: EXACT or NEAR.
      similarity: Jaccard similarity of their shingles.
      excerpt: How it begins.
      original_excerpt: How the earlier one begins.
    """

    review: Position
    original: Position
    kind: str
    similarity: float
    excerpt: str
    original_excerpt: str

    @property
    def finding(self) -> tuple[str, str, str]:
        """Kind, split of the review, split of the original."""
        return self.kind, SPLITS[self.review[0]], SPLITS[self.original[0]]


@beam.ptransform_fn
def FindDuplicates(  # noqa: N802  Beam names transforms like classes
    files: beam.PCollection, paths: Mapping[File, str]
) -> beam.PCollection:
    """Finds the duplicates within and between files.

    Args:
      files: `File`s.
      paths: Where each lies, as gzipped TFRecords of examples.

    Returns:
      `Duplicate`s. A review that has the words of earlier ones is an exact duplicate of the first
      of them in each split. The first review of all with some words is a near duplicate of every
      other such one before it that `text_similarity` finds it near to.
    """
    texts = files | "ReadTexts" >> beam.ParDo(_ReadTexts(paths)) | "ByWords" >> beam.GroupByKey()
    exact = texts | "Exact" >> beam.FlatMap(_exact_duplicates)
    near = (
        texts
        | "Bands" >> beam.FlatMap(_bands)
        | "Buckets" >> beam.GroupByKey()
        | "Candidates" >> beam.FlatMap(_candidates)
        | "Distinct" >> beam.Distinct()
        | "ByFile" >> beam.FlatMap(_by_file)
        | "Wanted" >> beam.GroupByKey()
        | "ReadAgain" >> beam.ParDo(_ReadShingles(paths))
        | "Pairs" >> beam.GroupByKey()
        | "Near" >> beam.FlatMap(_near_duplicates)
    )
    return (exact, near) | beam.Flatten()


@beam.ptransform_fn
def WriteOthers(  # noqa: N802
    duplicates: beam.PCollection, paths: Mapping[File, str], targets: Mapping[File, str]
) -> beam.PCollection:
    """Writes each file again, in its order, without the duplicates; all of `test` stays.

    A file of which nothing is left is not written.

    Args:
      duplicates: `Duplicate`s.
      paths: Where each file lies.
      targets: Where each is to lie.

    Returns:
      The number of reviews by `Fate`, as pairs.
    """
    files = duplicates.pipeline | "Files" >> beam.Create([(file, None) for file in paths])
    removals = (
        duplicates
        | "NotTest" >> beam.Filter(lambda duplicate: SPLITS[duplicate.review[0]] != TEST)
        | "RowsByFile" >> beam.Map(_row)
    )
    return (
        {"files": files, "removals": removals}
        | "Join" >> beam.CoGroupByKey()
        | "Write" >> beam.FlatMap(_write_others, paths, targets)
        | "Count" >> beam.CombinePerKey(sum)
    )


class _ReadTexts(beam.DoFn):
    """Maps a file to its `Text`s with their bands' keys, each by the digest of its words."""

    def __init__(self, paths: Mapping[File, str]) -> None:
        self._paths = paths

    def setup(self) -> None:
        self._completed = 0

    def process(self, file: File) -> Iterator[tuple[bytes, Text]]:
        for row, record in enumerate(_records(self._paths[file])):
            text = _text(record)
            words = text_similarity.words(text)
            keys = text_similarity.band_keys(text_similarity.shingles(words))
            yield (
                text_similarity.digest(words),
                Text((*file, row), _excerpt(text), keys.tobytes()),
            )
            self._completed += 1
            if self._completed % _READ_AT_ONCE == 0:
                report(Progress(DUPLICATE_FINDER, self._completed, None, "reviews"))


class _ReadShingles(beam.DoFn):
    """Maps a file, with the rows and pairs that are wanted, to `Text`s with shingles by pair."""

    def __init__(self, paths: Mapping[File, str]) -> None:
        self._paths = paths

    def process(
        self, wanted: tuple[File, Iterable[tuple[int, Pair]]]
    ) -> Iterator[tuple[Pair, Text]]:
        file, rows = wanted
        pairs = collections.defaultdict(list)
        for row, pair in rows:
            pairs[row].append(pair)
        for row, record in enumerate(_records(self._paths[file])):
            if row in pairs:
                text = _text(record)
                shingles = text_similarity.shingles(text_similarity.words(text))
                read = Text((*file, row), _excerpt(text), shingles.tobytes())
                yield from ((pair, read) for pair in pairs[row])


def _exact_duplicates(group: tuple[bytes, Iterable[Text]]) -> Iterator[Duplicate]:
    firsts: dict[int, Text] = {}
    for text in sorted(group[1]):
        yield from (_duplicate(text, first, EXACT, 1.0) for first in firsts.values())
        firsts.setdefault(text.position[0], text)


def _bands(group: tuple[bytes, Iterable[Text]]) -> Iterator[tuple[int, Position]]:
    first = min(group[1])
    for key in np.frombuffer(first.hashes, np.int64).tolist():
        yield key, first.position


def _candidates(bucket: tuple[int, Iterable[Position]]) -> Iterator[Pair]:
    positions = sorted(bucket[1])
    for index, position in enumerate(positions):
        for earlier in itertools.islice(positions, min(index, _MOST_COMPARED)):
            yield earlier, position


def _by_file(pair: Pair) -> Iterator[tuple[File, tuple[int, Pair]]]:
    for split, number, row in pair:
        yield (split, number), (row, pair)


def _near_duplicates(group: tuple[Pair, Iterable[Text]]) -> Iterator[Duplicate]:
    original, text = sorted(group[1])
    similarity = text_similarity.similarity(
        *(np.frombuffer(each.hashes, np.uint64) for each in (original, text))
    )
    if similarity >= text_similarity.NEAR:
        yield _duplicate(text, original, NEAR, similarity)


def _duplicate(text: Text, original: Text, kind: str, similarity: float) -> Duplicate:
    return Duplicate(
        text.position, original.position, kind, similarity, text.excerpt, original.excerpt
    )


def _row(duplicate: Duplicate) -> tuple[File, tuple[int, str]]:
    split, number, row = duplicate.review
    return (split, number), (row, duplicate.kind)


def _write_others(
    group: tuple[File, dict[str, Iterable[tuple[int, str]]]],
    paths: Mapping[File, str],
    targets: Mapping[File, str],
) -> Iterator[tuple[Fate, int]]:
    file, joined = group
    removals = dict(joined["removals"])
    fates = collections.Counter[Fate]()
    with tf.io.TFRecordWriter(targets[file], "GZIP") as writer:
        for row, record in enumerate(_records(paths[file])):
            fate = removals.get(row, KEPT)
            fates[SPLITS[file[0]], _label(record), fate] += 1
            if fate == KEPT:
                writer.write(record)
    if not any(fate == KEPT for _, _, fate in fates):
        tf.io.gfile.remove(targets[file])  # Beam reads no gzipped file that is empty
    yield from fates.items()


def _records(path: str) -> Iterator[bytes]:
    batches = tf.data.TFRecordDataset(path, compression_type="GZIP").batch(_READ_AT_ONCE)
    return itertools.chain.from_iterable(batches.as_numpy_iterator())


def _text(record: bytes) -> str:
    value = tf.train.Example.FromString(record).features.feature[TEXT].bytes_list.value[0]
    return value.decode(errors="replace")


def _label(record: bytes) -> int:
    return tf.train.Example.FromString(record).features.feature[LABEL].int64_list.value[0]


def _excerpt(text: str) -> str:
    return " ".join(text[: 2 * _EXCERPT_CHARACTERS].split())[:_EXCERPT_CHARACTERS]
