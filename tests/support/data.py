"""Reviews that the tests make themselves, and scores of them."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from albert_tfx.contract import FINE_TUNED, FROZEN
from albert_tfx.evaluation.measurements import Interval

# Beam in this process. The image is never started: without one TFX would pack itself into an
# archive for every component, which takes longer than the component.
IN_PROCESS: list[Any] = ["--runner=FnApiRunner", "--sdk_container_image=unused"]
TWO_PROCESSES: list[Any] = [
    "--direct_running_mode=multi_processing",
    "--direct_num_workers=2",
    "--sdk_container_image=unused",
]
CLASSES = ["negative", "positive"]
MODELS = (FROZEN, FINE_TUNED)


def store_dataset(folder: Path, name: str = "tiny", **splits: list[tuple[str, int]]) -> Path:
    """Stores a TFDS data set of (text, label) below `folder`, and returns the data set's own."""
    import tensorflow_datasets as tfds

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


@dataclasses.dataclass(frozen=True)
class Scores:
    """Class scores of both models, float64 `[reviews, classes]`, and labels, int64 `[reviews]`."""

    frozen: np.ndarray
    fine_tuned: np.ndarray
    labels: np.ndarray

    def right(self, model: str) -> np.ndarray:
        """Returns 1.0 where the most probable class is the label, else 0.0."""
        return (getattr(self, model).argmax(axis=1) == self.labels).astype(float)

    def words(self) -> np.ndarray:
        """Returns how many words each review has: few to some hundreds."""
        return 2 * self.frozen.shape[1] + np.arange(len(self.labels)) * 7 % 240

    def probabilities(self, model: str) -> np.ndarray:
        exponents = np.exp(getattr(self, model))
        return exponents / exponents.sum(axis=1, keepdims=True)


def draw_scores(reviews: int, classes: int, frozen_skill=1.3, fine_tuned_skill=1.9) -> Scores:
    """Draws correlated scores; the greater a model's skill, the more often it is right."""
    random = np.random.default_rng(seed=7)
    labels = random.permutation(np.arange(reviews) % (classes + 1) % classes)
    truth = np.eye(classes)[labels]
    shared = random.normal(size=(reviews, classes))
    noise = 0.7 * random.normal(size=(2, reviews, classes))
    scores = np.round(
        shared + noise + np.stack([frozen_skill * truth, fine_tuned_skill * truth]), 3
    )
    return Scores(scores[0], scores[1], labels)


def bounds(interval: Interval) -> tuple[float, float]:
    """Returns an interval's bounds, which must be known."""
    assert interval.lower is not None
    assert interval.upper is not None
    return interval.lower, interval.upper
