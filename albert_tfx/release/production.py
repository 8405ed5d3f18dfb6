"""What was pushed, and which model is in production.

Pusher leaves a `PushedModel` after every run, also where it pushed nothing. Each therefore records
which model is in production from then on, whether it was pushed by this run or by an earlier one.
A serving folder holds numbered versions, each of which records where it comes from.
"""

import dataclasses
import json
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from etils import epath

from albert_tfx.contract import EXTRA_ASSETS, MODEL_CARD_FILE, ORIGIN_FILE
from albert_tfx.errors import InputError
from albert_tfx.storage import (
    fingerprint,
    read_json,
    version_numbers,
    write_bytes,
    write_json,
)

_LOGGER = logging.getLogger(__name__)

# Custom property of a `Model`: the hash of its files.
FINGERPRINT = "fingerprint"
# Custom property of a `PushedModel`: the name of the pipeline that made it.
PIPELINE = "pipeline"
# Custom property of a `PushedModel` and of ProductionGate's blessing: JSON of a `Production`.
PRODUCTION = "production"

# Files and custom properties of a `ModelBlessing`, by which TFX's Pusher and Resolver go.
BLESSED_FILE, NOT_BLESSED_FILE = "BLESSED", "NOT_BLESSED"
BLESSED = "blessed"
CURRENT_MODEL = "current_model"
CURRENT_MODEL_ID = "current_model_id"


class Artifact(Protocol):
    """As much of a TFX artifact as is used here."""

    uri: str
    id: int

    def get_string_custom_property(self, key: str) -> str:
        """Returns the property, or an empty string where there is none."""

    def set_string_custom_property(self, key: str, value: str) -> None:
        """Sets the property."""

    def set_int_custom_property(self, key: str, value: int) -> None:
        """Sets the property."""


@dataclasses.dataclass(frozen=True)
class Production:
    """A model that was pushed.

    Attributes:
      model: Uri of the `Model` artifact that was pushed.
      fingerprint: Hash of its files; whatever run they come from, the same files are one model.
      version: Folder that it is served from.
    """

    model: str
    fingerprint: str
    version: str

    def to_json(self) -> str:
        """Returns it as a JSON object."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, content: str) -> "Production":
        """Returns what `to_json` wrote."""
        return cls(**json.loads(content))


def record(artifact: Artifact, production: Production | None) -> None:
    """Records on `artifact` which model is in production, if one is."""
    if production is not None:
        artifact.set_string_custom_property(PRODUCTION, production.to_json())


def recorded(artifact: Artifact | None) -> Production | None:
    """Returns what `record` left on an artifact, if there is one and it did."""
    content = "" if artifact is None else artifact.get_string_custom_property(PRODUCTION)
    return Production.from_json(content) if content else None


def served_folder(production: Production | None) -> str | None:
    """Returns the folder of the model in production: the version that is served, if it is whole.

    Returns:
      That version's folder, or else the `Model` that it was a copy of; None where both are gone.
    """
    if production is None:
        return None
    if is_whole(production.version):
        return production.version
    if epath.Path(production.model).exists():
        return production.model
    _LOGGER.warning("Nothing is compared with: %s is gone, or damaged", production.version)
    return None


def bless(blessing: Artifact, model: Artifact, is_blessed: bool, files: Mapping[str, Any]) -> None:
    """Makes a blessing as TFX's Evaluator does.

    Args:
      blessing: The `ModelBlessing` to be made.
      model: The `Model` that it is about.
      is_blessed: Whether it may be pushed.
      files: What to leave in the blessing's folder as JSON, by file name.
    """
    blessing.set_string_custom_property(CURRENT_MODEL, model.uri)
    blessing.set_int_custom_property(CURRENT_MODEL_ID, model.id)
    blessing.set_int_custom_property(BLESSED, int(is_blessed))
    folder = epath.Path(blessing.uri)
    for name, content in files.items():
        write_json(folder / name, content)
    write_bytes(folder / (BLESSED_FILE if is_blessed else NOT_BLESSED_FILE), b"")


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a version comes from.

    Attributes:
      pipeline: Name of the pipeline that pushed it.
      classes: Names of the classes, in the order of the model's probabilities.
      fingerprint: Hash of the model's files, as they were before this and its card were added.
    """

    pipeline: str
    classes: tuple[str, ...]
    fingerprint: str

    def save(self, version: epath.PathLike) -> None:
        """Writes it into the folder of a version."""
        write_json(epath.Path(version) / EXTRA_ASSETS / ORIGIN_FILE, dataclasses.asdict(self))

    @classmethod
    def load(cls, version: epath.PathLike) -> "Origin | None":
        """Returns what `save` wrote, or None where it never did or its file is damaged."""
        try:
            content = read_json(epath.Path(version) / EXTRA_ASSETS / ORIGIN_FILE)
            return cls(**{**content, "classes": tuple(content["classes"])})
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None


def is_whole(version: epath.PathLike) -> bool:
    """Returns whether the files of a version are those that were pushed."""
    origin = Origin.load(version)
    own = [os.path.join(EXTRA_ASSETS, name) for name in (ORIGIN_FILE, MODEL_CARD_FILE)]
    return origin is not None and fingerprint(version, without=own) == origin.fingerprint


def newest_whole(folder: epath.PathLike) -> int:
    """Returns the newest version in a serving folder whose files are those that were pushed.

    Returns:
      Its number, or 0 where there is none.
    """
    newest_first = reversed(version_numbers(folder))
    return next((each for each in newest_first if is_whole(epath.Path(folder) / str(each))), 0)


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
    for number in version_numbers(folder):
        version = epath.Path(folder) / str(number)
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
