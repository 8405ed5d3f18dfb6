"""The numbered versions in a serving folder, and where each says that it comes from."""

import dataclasses
import json
import os
from collections.abc import Sequence

import tensorflow as tf

from albert_tfx.contract import EXTRA_ASSETS, ORIGIN_FILE
from albert_tfx.errors import InputError


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a version comes from.

    Attributes:
      pipeline: Name of the pipeline that pushed it.
      classes: Names of the classes, in the order of the model's probabilities.
      fingerprint: Hash of the model's files, as they were before this was added.
    """

    pipeline: str
    classes: tuple[str, ...]
    fingerprint: str

    def save(self, version: str) -> None:
        """Writes it into the folder of a version."""
        folder = os.path.join(version, EXTRA_ASSETS)
        tf.io.gfile.makedirs(folder)
        with tf.io.gfile.GFile(os.path.join(folder, ORIGIN_FILE), "w") as file:
            file.write(json.dumps(dataclasses.asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, version: str) -> "Origin | None":
        """Reads what `save` wrote, or returns None where it never did."""
        path = os.path.join(version, EXTRA_ASSETS, ORIGIN_FILE)
        if not tf.io.gfile.exists(path):
            return None
        with tf.io.gfile.GFile(path) as file:
            content = json.loads(file.read())
        return cls(**{**content, "classes": tuple(content["classes"])})


def numbers(folder: str) -> list[int]:
    """Returns the versions in a serving folder, the oldest first; the folder need not exist."""
    names = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
    return sorted(int(name.rstrip("/")) for name in names if name.rstrip("/").isdigit())


def refuse_other_origins(folder: str, pipeline: str, classes: Sequence[str] | None = None) -> None:
    """Makes sure that a serving folder holds versions of one model only.

    A model server takes all numbered folders for that, and serves the newest.

    Args:
      folder: The serving folder, which need not exist.
      pipeline: Name of the pipeline that is to push there.
      classes: What its models sort into, or None where that is not known yet.

    Raises:
      InputError: There is a version that `pipeline` has not pushed, or that has other classes.
    """
    for number in numbers(folder):
        version = os.path.join(folder, str(number))
        difference = _difference(Origin.load(version), pipeline, classes)
        if difference:
            raise InputError(
                f"{version} is a model of {difference}, so that the two cannot be versions of one",
                "Give this run a folder of its own with --output DIR, or move that model away",
            )


def _difference(origin: Origin | None, pipeline: str, classes: Sequence[str] | None) -> str | None:
    if origin is None:
        return f"unknown origin, and this run is of {pipeline}"
    if origin.pipeline != pipeline:
        return f"{origin.pipeline}, and this run is of {pipeline}"
    if classes is not None and origin.classes != tuple(classes):
        theirs, ours = ", ".join(origin.classes), ", ".join(classes)
        return f"the classes {theirs}, and this run has {ours}"
    return None
