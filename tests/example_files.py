"""`Examples` artifacts of texts that a test names."""

from pathlib import Path

import tensorflow as tf
from tfx.types import standard_artifacts
from tfx.utils import json_utils

from albert_tfx.contract import LABEL, TEXT

Review = tuple[str, int]


def save(folder: Path, reviews_per_file: int = 1000, **splits: list[Review]):
    """Writes splits of (text, label) as TfdsExampleGen would, and returns the artifact."""
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    examples.split_names = json_utils.dumps(list(splits))
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    examples.set_string_custom_property("file_format", "tfrecords_gzip")
    examples.set_string_custom_property("input_fingerprint", "of the data set")
    examples.set_int_custom_property("span", 0)
    for split, reviews in splits.items():
        files = [
            reviews[first : first + reviews_per_file]
            for first in range(0, len(reviews), reviews_per_file)
        ]
        for number, some in enumerate(files):
            name = f"data_tfrecord-{number:05}-of-{len(files):05}.gz"
            _write(folder / f"Split-{split}" / name, some)
    return examples


def read(folder: Path, split: str) -> list[Review]:
    """Returns a split's reviews in the order of its files."""
    files = sorted(map(str, (folder / f"Split-{split}").iterdir()))
    records = tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()
    parsed = [tf.train.Example.FromString(record).features.feature for record in records]
    return [(f[TEXT].bytes_list.value[0].decode(), f[LABEL].int64_list.value[0]) for f in parsed]


def _write(path: Path, reviews: list[Review]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for text, label in reviews:
            feature = {
                TEXT: tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()])),
                LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString(deterministic=True))
