"""The records of an `Examples` artifact, whose uri is given."""

import itertools
from collections.abc import Iterator

import tensorflow as tf
from etils import epath

from albert_tfx.contract import LABEL, TEXT

_BATCH_SIZE = 4096


def split_folder(uri: str, split: str) -> epath.Path:
    """Returns where TFX keeps the files of a split."""
    return epath.Path(uri) / f"Split-{split}"


def files_of(uri: str, split: str) -> list[str]:
    """Returns the paths of a split's files, in the order of their names."""
    return sorted(map(str, split_folder(uri, split).iterdir()))


def records_of(uri: str, split: str) -> tf.data.Dataset:
    """Returns a split's serialized `tf.train.Example`s, string `[]`, in the order of the files."""
    return read_records(files_of(uri, split))


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
