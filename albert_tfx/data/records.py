"""Where the records of one split of an `Examples` artifact lie."""

import os

import tensorflow as tf
from tfx import types
from tfx.dsl.io import fileio
from tfx.types import artifact_utils


def files_of(examples: types.Artifact, split: str) -> list[str]:
    """Returns the paths of a split's files, in the order of their names."""
    folder = artifact_utils.get_split_uri([examples], split)
    return [os.path.join(folder, name) for name in sorted(map(str, fileio.listdir(folder)))]


def records_of(examples: types.Artifact, split: str) -> tf.data.Dataset:
    """Returns a split's serialized `tf.train.Example`s, string `[]`, in the order of the files."""
    return tf.data.TFRecordDataset(files_of(examples, split), compression_type="GZIP")
