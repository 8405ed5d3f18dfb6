"""TFDS data sets that the tests make themselves."""

from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

# Beam in this process. The image is never started: without one TFX would pack itself into an
# archive for every component, which takes longer than the component.
IN_PROCESS = ["--runner=FnApiRunner", "--sdk_container_image=unused"]
TWO_PROCESSES = [
    "--direct_running_mode=multi_processing",
    "--direct_num_workers=2",
    "--sdk_container_image=unused",
]
CLASSES = ["negative", "positive"]


def store(folder: Path, name: str = "tiny", **splits: list[tuple[str, int]]) -> Path:
    """Stores `splits` of (text, label) below `folder` and returns the data set's own folder."""
    builder = tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.0.0",
        features=tfds.features.FeaturesDict(
            {
                "text": tfds.features.Text(),
                "label": tfds.features.ClassLabel(names=CLASSES),
                "identifier": tfds.features.Tensor(shape=(), dtype=np.int64),
            }
        ),
        split_datasets={
            split: [
                (index, {"text": text, "label": label, "identifier": index})
                for index, (text, label) in enumerate(rows)
            ]
            for split, rows in splits.items()
        },
        data_dir=folder,
    )
    return Path(builder.data_dir)


def reviews(count: int, prefix: str = "review") -> list[tuple[str, int]]:
    """Returns `count` distinct texts of alternating class."""
    return [(f"{prefix} number {index}", index % 2) for index in range(count)]
