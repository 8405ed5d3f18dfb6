"""The records of an `Examples` artifact: how they are read and written."""

import collections
import hashlib
import itertools
import zlib
from collections.abc import Iterable, Iterator

import apache_beam as beam
import tensorflow as tf
from etils import epath

from albert_tfx.contract import LABEL, TEXT

_BATCH_SIZE = 4096
# Small enough to sort in memory, large enough that few files are opened.
_EXAMPLES_PER_FILE = 10_000
# Compressed together, they take a third of the memory that a shuffle of each takes.
_SHUFFLED_AT_ONCE = 10_000


def split_folder(uri: str, split: str) -> epath.Path:
    """Returns where TFX keeps the files of a split."""
    return epath.Path(uri) / f"Split-{split}"


def files_of(uri: str, split: str) -> list[str]:
    """Returns the paths of a split's files, in the order of their names."""
    return sorted(map(str, split_folder(uri, split).iterdir()))


def records_of(uri: str, split: str) -> tf.data.Dataset:
    """Returns a split's serialized `tf.train.Example`s, string `[]`, in the order of the files."""
    return read_records(files_of(uri, split))


def count_of(uri: str, split: str) -> int:
    """Returns how many examples a split has."""
    sizes = records_of(uri, split).batch(_BATCH_SIZE).map(tf.size)
    return sum(map(int, sizes.as_numpy_iterator()))


def read_records(files: str | list[str]) -> tf.data.Dataset:
    """Returns the serialized `tf.train.Example`s of files, string `[]`."""
    return tf.data.TFRecordDataset(files, compression_type="GZIP")


def reviews_of(uri: str, split: str) -> Iterator[tuple[bytes, int]]:
    """Yields each review's text, in UTF-8, and label, in the order of the files."""
    batches = records_of(uri, split).batch(_BATCH_SIZE)
    for record in itertools.chain.from_iterable(batches.as_numpy_iterator()):
        yield text_and_label(record)


def text_and_label(record: bytes) -> tuple[bytes, int]:
    """Returns the text, in UTF-8, and the label of a serialized `tf.train.Example`."""
    feature = tf.train.Example.FromString(record).features.feature
    return feature[TEXT].bytes_list.value[0], feature[LABEL].int64_list.value[0]


def to_example(text: bytes, label: int) -> tf.train.Example:
    """Returns an example of a text, in UTF-8, and the index of its class."""
    feature = {
        TEXT: tf.train.Feature(bytes_list=tf.train.BytesList(value=[text])),
        LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature))


@beam.ptransform_fn
def WriteSplit(  # noqa: N802  Beam names transforms like classes
    examples: beam.PCollection[tf.train.Example], split: str, stem: str, num_examples: int
) -> beam.PCollection[None]:
    """Writes one split so that the same examples give the same bytes, on any Beam runner.

    TFX's own `WriteSplit` shuffles with an unseeded generator. Here each example's place, file
    and order, follows from the hash of its content: as well mixed, and repeatable.

    Args:
      examples: The `tf.train.Example`s of the split.
      split: Its name, under which `counts_by_label` finds how many there were.
      stem: Path and beginning of the name of its files.
      num_examples: How many there are at most, which decides on the number of files.
    """
    num_files = -(-num_examples // _EXAMPLES_PER_FILE)
    return (
        examples
        | "Count" >> beam.Map(_counted, split=split)
        | "Some" >> beam.BatchElements(_SHUFFLED_AT_ONCE, _SHUFFLED_AT_ONCE)
        | "ToFile" >> beam.FlatMap(_by_file, num_files=num_files)
        | "Files" >> beam.GroupByKey()
        | "Write" >> beam.Map(_write_file, stem=stem, num_files=num_files)
    )


def _counted(example: tf.train.Example, split: str) -> bytes:
    """Counts an example by its label, and returns it serialized."""
    [label] = example.features.feature[LABEL].int64_list.value
    beam.metrics.Metrics.counter(split, str(label)).inc()
    return bytes(example.SerializeToString(deterministic=True))


def _by_file(records: list[bytes], num_files: int) -> Iterator[tuple[int, bytes]]:
    """Yields records by the file that their content assigns them to, packed and compressed."""
    files = collections.defaultdict(list)
    for record in records:
        files[int.from_bytes(_digest(record)[:8], "big") % num_files].append(record)
    for index, some in files.items():
        packed = tf.train.BytesList(value=some).SerializeToString()
        yield index, zlib.compress(packed, level=1)


def _write_file(file: tuple[int, Iterable[bytes]], stem: str, num_files: int) -> None:
    index, blocks = file
    packed = (tf.train.BytesList.FromString(zlib.decompress(block)) for block in blocks)
    records = [record for some in packed for record in some.value]
    with tf.io.TFRecordWriter(f"{stem}-{index:05}-of-{num_files:05}.gz", "GZIP") as writer:
        for record in sorted(records, key=_digest):
            writer.write(record)


def _digest(record: bytes) -> bytes:
    return hashlib.sha256(record).digest()


def counts_by_label(result: beam.runners.runner.PipelineResult, split: str) -> dict[int, int]:
    """Returns how many examples of each label a finished pipeline wrote to a split."""
    counters = result.metrics().query(beam.metrics.MetricsFilter().with_namespace(split))
    return {int(c.key.metric.name): c.result for c in counters["counters"] if c.result}
