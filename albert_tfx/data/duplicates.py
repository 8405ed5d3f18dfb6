"""Finds, counts and takes out reviews that repeat others, as Beam transforms.

A review is identified by its place; only digests, hashes and positions are shuffled, and the
few texts that have to be compared are read again. No step sees all pairs.
"""

import collections
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.pvalue import AsDict
from etils import epath

from albert_tfx.contract import (
    DUPLICATE_FINDER,
    DUPLICATES_FILE,
    EVAL,
    SIZES_FILE,
    TEST,
    TRAIN,
)
from albert_tfx.data import containment
from albert_tfx.data import similarity as text_similarity
from albert_tfx.data.lengths import ReviewLengths, count_words
from albert_tfx.data.records import files_of, read_records, split_folder, text_and_label
from albert_tfx.errors import InputError
from albert_tfx.progress import Progress, report
from albert_tfx.storage import read_json, write_json

EXACT = "exact"
NEAR = "near"
CONTAINED = "contained"
KEPT = "kept"
CONTRADICTING = "contradicting"
# Of two reviews that are alike, the one whose split comes first here stays.
SPLITS = (TEST, EVAL, TRAIN)

File = tuple[int, int]  # index into SPLITS, number of the file within the split
Position = tuple[int, int, int]  # a File, and the row in it
Pair = tuple[Position, Position]  # the earlier first
Fate = tuple[str, int, str]  # split, label, and EXACT, NEAR or KEPT
Finding = tuple[str, str, str]  # kind, split of the review, split of the original

# In a bucket, each text is compared with so many at most, the first ones: of n texts that are all
# alike that finds n - 1, and a bucket that boilerplate has crowded costs no more than n times it.
_MOST_COMPARED = 32
# Buckets are shuffled by their keys modulo a number, in blocks of the bands of so many texts.
_SHARDS = 64
_TEXTS_A_BLOCK = 5_000
_EXCERPT_CHARACTERS = 100
_READ_AT_ONCE = 1_000
_SHOWN_PAIRS = 3


@dataclasses.dataclass(frozen=True, order=True)
class Text:
    """A review, as far as it has to be known.

    Attributes:
      position: Its place.
      excerpt: How it begins.
      label: The number of its class.
      hashes: Bytes of a uint64 array: its bands' keys, or its shingles.
    """

    position: Position
    excerpt: str
    label: int
    hashes: bytes


@dataclasses.dataclass(frozen=True, order=True)
class Duplicate:
    """A review that repeats an earlier one: by split, in the order of `SPLITS`, file and row.

    Attributes:
      review: Its place.
      original: The place of the earlier one.
      kind: EXACT, NEAR, or CONTAINED for a review that lies whole within the original.
      similarity: Jaccard similarity of their shingles; of CONTAINED, its share of the words.
      excerpt: How it begins.
      original_excerpt: How the earlier one begins.
      has_other_label: Whether the two have different labels.
    """

    review: Position
    original: Position
    kind: str
    similarity: float
    excerpt: str
    original_excerpt: str
    has_other_label: bool

    @property
    def finding(self) -> Finding:
        """Kind, split of the review, split of the original."""
        return self.kind, SPLITS[self.review[0]], SPLITS[self.original[0]]

    @property
    def findings(self) -> list[Finding]:
        """The same, and once more as a contradiction where equal texts have different labels."""
        if self.kind == EXACT and self.has_other_label:
            return [self.finding, (CONTRADICTING, *self.finding[1:])]
        return [self.finding]


@dataclasses.dataclass(frozen=True)
class SplitSizes:
    """How many reviews each split has once the duplicates are taken out, and how long they are.

    Attributes:
      examples: The number of reviews, by split.
      words: Their lengths, by split; a split without reviews is left out.
    """

    examples: Mapping[str, int]
    words: Mapping[str, ReviewLengths]

    @classmethod
    def load(cls, uri: str) -> "SplitSizes":
        """Reads what DuplicateFinder counted, from the folder of its `report`."""
        content = read_json(epath.Path(uri) / SIZES_FILE)
        words = {split: ReviewLengths(**each) for split, each in content["words"].items()}
        return cls(content["examples"], words)


def load_duplicates(uri: str) -> Any:
    """Reads what DuplicateFinder found.

    Args:
      uri: Folder of its `report`.

    Returns:
      A mapping of

      * `exact`, `near`: `[split][other split]` → reviews of the split that repeat a review of the
        other, or an earlier one of their own. The splits are ordered test, eval, train, and a
        pair of them counts for the later. Of equal texts only the first is compared for near ones;
      * `contradicting`: the same of those in `exact` whose label is not the other's;
      * `contained`: `[split][other split]` → reviews of the split that lie whole within one of
        the other. They are counted only;
      * `removed`: `[split][exact or near]` → reviews taken out, for either reason but not for both;
      * `reviews`: `[split][label][kept, exact or near]` → what became of all reviews;
      * `keep`: whether duplicates were only counted, and all were kept;
      * `pairs`: a few of each kind and pair of splits, with `similarity` and how both begin;
      * `near_similarity`, `shingle_words`: see `similarity`.
    """
    return read_json(epath.Path(uri) / DUPLICATES_FILE)


@beam.ptransform_fn
def TakeOutDuplicates(  # noqa: N802  Beam names transforms like classes
    pipeline: beam.Pipeline, source: str, target: str, report_uri: str, keep: bool
) -> beam.PCollection[None]:
    """Takes out what repeats an earlier review, and writes what it found.

    Args:
      pipeline: Runs it.
      source: Uri of the `Examples` to read, with the splits `SPLITS`.
      target: Uri of the `Examples` to write: the same files, without the duplicates.
      report_uri: Folder for what `load_duplicates` and `SplitSizes.load` read.
      keep: Whether duplicates are only counted.
    """
    paths = {
        (number, index): path
        for number, split in enumerate(SPLITS)
        for index, path in enumerate(files_of(source, split))
    }
    files = pipeline | "Files" >> beam.Create(list(paths))
    duplicates = files | "FindDuplicates" >> FindDuplicates(paths)
    removable = duplicates | "Removable" >> beam.Filter(lambda _: not keep)
    counts = removable | "WriteOthers" >> WriteOthers(paths, _targets(paths, target))
    contained = files | "FindContained" >> FindContained(paths)
    found = (duplicates, contained) | "AllFound" >> beam.Flatten()
    return (
        pipeline
        | "ReportUri" >> beam.Create([report_uri])
        | "WriteReport"
        >> beam.Map(
            _write_report,
            keep,
            paths,
            AsDict(found | "Findings" >> _CountFindings()),
            AsDict(counts),
            AsDict(found | "Pairs" >> _SomeOfEach()),
        )
    )


def refuse_lost_classes(found: Mapping[str, Any]) -> None:
    """Refuses splits that lost a class with their duplicates.

    Args:
      found: What `load_duplicates` returned.

    Raises:
      InputError: A split has no review of a class left.
    """
    for split, labels in found["reviews"].items():
        for label, fates in labels.items():
            if not fates[KEPT]:
                raise InputError(
                    f"Every text of class number {label}, counted from 0, in the {split} split "
                    f"repeats another ({sum(fates.values()):,} in all), so that none is left",
                    "Give splits that share fewer texts, or keep all with --keep-duplicates",
                )


@beam.ptransform_fn
def FindDuplicates(  # noqa: N802  Beam names transforms like classes
    files: beam.PCollection[File], paths: Mapping[File, str]
) -> beam.PCollection[Duplicate]:
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
        | "First" >> beam.FlatMap(_first)
        | "Some" >> beam.BatchElements(_TEXTS_A_BLOCK, _TEXTS_A_BLOCK)
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
def FindContained(  # noqa: N802
    files: beam.PCollection[File], paths: Mapping[File, str]
) -> beam.PCollection[Duplicate]:
    """Finds the reviews that lie whole within a longer one of another split.

    Args:
      files: `File`s.
      paths: Where each lies.

    Returns:
      One `Duplicate` for each such review and split, of the kind CONTAINED.
    """
    return (
        files
        | "ReadContents" >> beam.FlatMap(_contents, paths)
        | "Within" >> containment.FindContained()
        | "Contained" >> beam.MapTuple(_contained)
    )


@beam.ptransform_fn
def WriteOthers(  # noqa: N802
    duplicates: beam.PCollection[Duplicate],
    paths: Mapping[File, str],
    targets: Mapping[File, str],
) -> beam.PCollection[tuple[tuple[Fate, int], int]]:
    """Writes each file again, in its order, without the duplicates; all of `test` stays.

    A file of which nothing is left is not written.

    Args:
      duplicates: `Duplicate`s.
      paths: Where each file lies.
      targets: Where each is to lie.

    Returns:
      The number of reviews by `Fate` and number of words, as pairs.
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
            text, label = _text_and_label(record)
            words = text_similarity.words(text)
            keys = text_similarity.band_keys(text_similarity.shingles(words))
            yield (
                text_similarity.digest(words),
                Text((*file, row), _excerpt(text), label, keys.tobytes()),
            )
            self._completed += 1
            if self._completed % _READ_AT_ONCE == 0:
                report(Progress(DUPLICATE_FINDER, self._completed, None, "texts"))


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
                text, label = _text_and_label(record)
                shingles = text_similarity.shingles(text_similarity.words(text))
                read = Text((*file, row), _excerpt(text), label, shingles.tobytes())
                yield from ((pair, read) for pair in pairs[row])


def _contents(file: File, paths: Mapping[File, str]) -> Iterator[tuple[Position, str, str]]:
    for row, record in enumerate(_records(paths[file])):
        text, _ = _text_and_label(record)
        yield (*file, row), text, _excerpt(text)


def _contained(part: containment.Part, host: containment.Host) -> Duplicate:
    return Duplicate(
        part.position,
        host.position,
        CONTAINED,
        part.words / host.words,
        part.excerpt,
        host.excerpt,
        has_other_label=False,
    )


def _exact_duplicates(group: tuple[bytes, Iterable[Text]]) -> Iterator[Duplicate]:
    firsts: dict[int, Text] = {}
    for text in sorted(group[1]):
        yield from (_duplicate(text, first, EXACT, 1.0) for first in firsts.values())
        firsts.setdefault(text.position[0], text)


def _first(group: tuple[bytes, Iterable[Text]]) -> Iterator[tuple[Position, bytes]]:
    """Yields the place and the bands' keys of the first of equal texts, if it has any."""
    first = min(group[1])
    if first.hashes:
        yield first.position, first.hashes


def _bands(texts: Iterable[tuple[Position, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Yields rows of int64, each a band's key and the place of its text, by the key's shard.

    Key by key, a bucket of one text would take as much memory as ten rows.
    """
    positions, hashes = zip(*texts, strict=True)
    keys = np.frombuffer(b"".join(hashes), np.int64).reshape(len(positions), -1)
    rows = np.empty([*keys.shape, 4], np.int64)
    rows[..., 0] = keys
    rows[..., 1:] = np.array(positions)[:, np.newaxis]
    rows = rows.reshape(-1, 4)
    shards = rows[:, 0] % _SHARDS
    for shard in np.unique(shards).tolist():
        yield shard, rows[shards == shard].tobytes()


def _candidates(blocks: tuple[int, Iterable[bytes]]) -> Iterator[Pair]:
    rows = np.frombuffer(b"".join(blocks[1]), np.int64).reshape(-1, 4)
    rows = rows[np.lexsort(rows.T[::-1])]
    starts = np.flatnonzero(np.diff(rows[:, 0], prepend=rows[0, 0] - 1))
    ends = np.append(starts[1:], len(rows))
    for bucket in np.flatnonzero(ends - starts > 1).tolist():
        positions = [tuple(row) for row in rows[starts[bucket] : ends[bucket], 1:].tolist()]
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
        text.position,
        original.position,
        kind,
        similarity,
        text.excerpt,
        original.excerpt,
        text.label != original.label,
    )


def _row(duplicate: Duplicate) -> tuple[File, tuple[int, str]]:
    split, number, row = duplicate.review
    return (split, number), (row, duplicate.kind)


def _write_others(
    group: tuple[File, dict[str, Iterable[tuple[int, str]]]],
    paths: Mapping[File, str],
    targets: Mapping[File, str],
) -> Iterator[tuple[tuple[Fate, int], int]]:
    file, joined = group
    removals = dict(joined["removals"])
    counts = collections.Counter[tuple[Fate, int]]()
    with tf.io.TFRecordWriter(targets[file], "GZIP") as writer:
        for row, record in enumerate(_records(paths[file])):
            fate = removals.get(row, KEPT)
            text, label = text_and_label(record)
            counts[(SPLITS[file[0]], label, fate), count_words(text)] += 1
            if fate == KEPT:
                writer.write(record)
    if not any(fate == KEPT for (_, _, fate), _ in counts):
        epath.Path(targets[file]).unlink()  # Beam reads no gzipped file that is empty
    yield from counts.items()


def _records(path: str) -> Iterator[bytes]:
    batches = read_records(path).batch(_READ_AT_ONCE)
    return itertools.chain.from_iterable(batches.as_numpy_iterator())


def _text_and_label(record: bytes) -> tuple[str, int]:
    text, label = text_and_label(record)
    return text.decode(errors="replace"), label


def _excerpt(text: str) -> str:
    return " ".join(text[: 2 * _EXCERPT_CHARACTERS].split())[:_EXCERPT_CHARACTERS]


@beam.ptransform_fn
def _CountFindings(  # noqa: N802
    duplicates: beam.PCollection[Duplicate],
) -> beam.PCollection[tuple[Finding, int]]:
    """Counts reviews, each once for each finding, by finding."""
    return (
        duplicates
        | beam.FlatMap(lambda each: [(each.review, finding) for finding in each.findings])
        | beam.Distinct()
        | beam.Values()
        | beam.combiners.Count.PerElement()
    )


@beam.ptransform_fn
def _SomeOfEach(  # noqa: N802
    duplicates: beam.PCollection[Duplicate],
) -> beam.PCollection[tuple[Finding, list[Duplicate]]]:
    """Picks the first duplicates by finding."""
    return (
        duplicates
        | beam.Map(lambda duplicate: (duplicate.finding, duplicate))
        | beam.combiners.Top.SmallestPerKey(_SHOWN_PAIRS)
    )


def _targets(paths: Mapping[File, str], uri: str) -> dict[File, str]:
    """Returns where each file goes: by the same name, into the same split of `Examples`."""
    folders = {split: split_folder(uri, split) for split in SPLITS}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return {
        file: str(folders[SPLITS[file[0]]] / epath.Path(path).name) for file, path in paths.items()
    }


def _write_report(
    uri: str,
    keep: bool,
    paths: Mapping[File, str],
    findings: Mapping[Finding, int],
    counts: Mapping[tuple[Fate, int], int],
    shown: Mapping[Finding, list[Duplicate]],
) -> None:
    folder = epath.Path(uri)
    content = {
        **_by_splits(findings),
        "removed": _removed(counts),
        "reviews": _reviews(counts),
        "keep": keep,
        "near_similarity": text_similarity.NEAR,
        "shingle_words": text_similarity.SHINGLE_WORDS,
        "pairs": [
            _pair(each, paths) for _, found in sorted(shown.items()) for each in sorted(found)
        ],
    }
    write_json(folder / DUPLICATES_FILE, content)
    write_json(folder / SIZES_FILE, dataclasses.asdict(_sizes(counts)))


def _by_splits(findings: Mapping[Finding, int]) -> dict[str, dict[str, dict[str, int]]]:
    kinds = (EXACT, NEAR, CONTRADICTING, CONTAINED)
    counts: dict[str, dict[str, dict[str, int]]] = {kind: {} for kind in kinds}
    for (kind, split, other), count in sorted(findings.items()):
        counts[kind].setdefault(split, {})[other] = count
    return counts


def _removed(counts: Mapping[tuple[Fate, int], int]) -> dict[str, dict[str, int]]:
    removed = {split: {EXACT: 0, NEAR: 0} for (split, _, _), _ in sorted(counts)}
    for ((split, _, fate), _), count in counts.items():
        if fate != KEPT:
            removed[split][fate] += count
    return removed


def _reviews(counts: Mapping[tuple[Fate, int], int]) -> dict[str, dict[str, dict[str, int]]]:
    reviews: dict[str, dict[str, dict[str, int]]] = collections.defaultdict(dict)
    for ((split, label, fate), _), count in sorted(counts.items()):
        fates = reviews[split].setdefault(str(label), {KEPT: 0, EXACT: 0, NEAR: 0})
        fates[fate] += count
    return dict(reviews)


def _sizes(counts: Mapping[tuple[Fate, int], int]) -> SplitSizes:
    kept: dict[str, dict[int, int]] = {split: {} for split in (TRAIN, EVAL, TEST)}
    for ((split, _, fate), words), count in counts.items():
        if fate == KEPT:
            kept[split][words] = kept[split].get(words, 0) + count
    return SplitSizes(
        {split: sum(by_words.values()) for split, by_words in kept.items()},
        {split: ReviewLengths.of(by_words) for split, by_words in kept.items() if by_words},
    )


def _pair(duplicate: Duplicate, paths: Mapping[File, str]) -> dict[str, Any]:
    return {
        "kind": duplicate.kind,
        "similarity": round(duplicate.similarity, 3),
        "review": _place(duplicate.review, duplicate.excerpt, paths),
        "original": _place(duplicate.original, duplicate.original_excerpt, paths),
    }


def _place(position: Position, excerpt: str, paths: Mapping[File, str]) -> dict[str, Any]:
    split, number, row = position
    name = epath.Path(paths[split, number]).name
    return {"split": SPLITS[split], "file": name, "row": row, "text": excerpt}
