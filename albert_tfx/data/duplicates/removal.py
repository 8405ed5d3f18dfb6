"""Takes out texts that repeat others, as Beam transforms."""

import collections
from collections.abc import Iterable, Iterator, Mapping

import apache_beam as beam
import tensorflow as tf
from apache_beam.pvalue import AsDict
from etils import epath

from albert_tfx.contract import DUPLICATE_FINDER, TEST
from albert_tfx.data.duplicates.alike import FindDuplicates
from albert_tfx.data.duplicates.blocks import TextBlock, read_blocks, records_in
from albert_tfx.data.duplicates.containment import FindContained
from albert_tfx.data.duplicates.findings import CountFindings, Duplicate, SomeOfEach
from albert_tfx.data.duplicates.places import SPLITS, File, file_of, row_of, split_of
from albert_tfx.data.duplicates.report import KEPT, Fate, write_report
from albert_tfx.data.lengths import count_words
from albert_tfx.data.records import files_of, split_folder, text_and_label
from albert_tfx.progress import Progress, report


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
    blocks = files | "ReadTexts" >> beam.ParDo(_ReadTexts(paths))
    duplicates = blocks | "FindDuplicates" >> FindDuplicates(paths)
    removable = duplicates | "Removable" >> beam.Filter(lambda _: not keep)
    counts = removable | "WriteOthers" >> WriteOthers(paths, _targets(paths, target))
    contained = blocks | "FindContained" >> FindContained(files, paths)
    found = (duplicates, contained) | "AllFound" >> beam.Flatten()
    return (
        pipeline
        | "ReportUri" >> beam.Create([report_uri])
        | "WriteReport"
        >> beam.Map(
            write_report,
            keep,
            paths,
            AsDict(found | "Findings" >> CountFindings()),
            AsDict(counts),
            AsDict(found | "Pairs" >> SomeOfEach()),
        )
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
        | "NotTest" >> beam.Filter(lambda duplicate: SPLITS[split_of(duplicate.text)] != TEST)
        | "RowsByFile" >> beam.Map(_row)
    )
    return (
        {"files": files, "removals": removals}
        | "Join" >> beam.CoGroupByKey()
        | "Write" >> beam.FlatMap(_write_others, paths, targets)
        | "Count" >> beam.CombinePerKey(sum)
    )


class _ReadTexts(beam.DoFn):
    """Maps a file to its texts, and tells how many this worker has read."""

    def __init__(self, paths: Mapping[File, str]) -> None:
        self._paths = paths

    def setup(self) -> None:
        self._completed = 0

    def process(self, file: File) -> Iterator[TextBlock]:
        for block in read_blocks(file, self._paths):
            yield block
            self._completed += len(block.places)
            report(Progress(DUPLICATE_FINDER, self._completed, None, "texts"))


def _row(duplicate: Duplicate) -> tuple[File, tuple[int, str]]:
    return file_of(duplicate.text), (row_of(duplicate.text), duplicate.kind)


def _write_others(
    group: tuple[File, dict[str, Iterable[tuple[int, str]]]],
    paths: Mapping[File, str],
    targets: Mapping[File, str],
) -> Iterator[tuple[tuple[Fate, int], int]]:
    file, joined = group
    removals = dict(joined["removals"])
    counts = collections.Counter[tuple[Fate, int]]()
    with tf.io.TFRecordWriter(targets[file], "GZIP") as writer:
        for row, record in enumerate(records_in(paths[file])):
            fate = removals.get(row, KEPT)
            text, label = text_and_label(record)
            counts[(SPLITS[file[0]], label, fate), count_words(text)] += 1
            if fate == KEPT:
                writer.write(record)
    if not any(fate == KEPT for (_, _, fate), _ in counts):
        epath.Path(targets[file]).unlink()  # Beam reads no gzipped file that is empty
    yield from counts.items()


def _targets(paths: Mapping[File, str], uri: str) -> dict[File, str]:
    """Returns where each file goes: by the same name, into the same split of `Examples`."""
    folders = {split: split_folder(uri, split) for split in SPLITS}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return {
        file: str(folders[SPLITS[file[0]]] / epath.Path(path).name) for file, path in paths.items()
    }
