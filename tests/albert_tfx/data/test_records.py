"""What is read of an `Examples` artifact."""

from pathlib import Path

import tensorflow as tf

from albert_tfx.data import records


def test_the_examples_of_all_files_of_a_split_are_counted(tmp_path: Path):
    for split, counts in {"eval": [3, 0, 4097], "train": [1]}.items():
        folder = tmp_path / f"Split-{split}"
        folder.mkdir()
        for number, count in enumerate(counts):
            with tf.io.TFRecordWriter(str(folder / f"examples-{number}.gz"), "GZIP") as writer:
                for _ in range(count):
                    writer.write(b"an example")
    assert records.count_of(str(tmp_path), "eval") == 4100
    assert records.count_of(str(tmp_path), "train") == 1
