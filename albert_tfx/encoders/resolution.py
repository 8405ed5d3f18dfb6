"""From a handle to folders on this machine: the one way that every process takes.

A model of Hugging Face is converted first. The conversion is kept among the user's caches, one
folder for each content of the source's files and version of the converter.
"""

import dataclasses
import hashlib
import logging
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import TYPE_CHECKING

from etils import epath

from albert_tfx import storage
from albert_tfx.contract import ENCODER_FILE
from albert_tfx.encoders import facts
from albert_tfx.encoders.fetching import user_cache
from albert_tfx.encoders.fetching.handles import (
    ASSET_SCHEME,
    SAVED_MODEL,
    HuggingFaceModel,
    hugging_face_model,
    is_url,
    saved_model_folder,
)
from albert_tfx.errors import InputError
from albert_tfx.options import MEAN
from albert_tfx.storage import fingerprint, length_and_time, read_json, remove, write_json

if TYPE_CHECKING:
    from albert_tfx.encoders.saved_models import SavedEncoder

# TensorFlow, and what reaches the network, are imported where they are needed.

_LOGGER = logging.getLogger(__name__)
_SHORT = 7  # characters of a commit, for people


@dataclasses.dataclass(frozen=True)
class Folders:
    """Where the SavedModels of a handle are: of a SavedModel's handle, twice its one folder.

    Attributes:
      encoder: The encoder's folder.
      preprocessor: The folder of the preprocessor that was made for it.
    """

    encoder: str
    preprocessor: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Description:
    """What is known of an encoder.

    Attributes:
      handle: The handle that it was resolved from.
      model_type: Its kind by Hugging Face's name, such as `bert`; None of a SavedModel.
      revision: Its commit on Hugging Face, if it comes from there.
      parameters: Its weights.
      hidden_size: Width of its vectors.
      positions: Most tokens of a text; None where that is not known.
      has_pooled_output: Whether it gives `pooled_output`.
      fingerprint: Hash of its files.
      pooling: How its token vectors become one, as its folder states it, `mean` where it does not;
        of a run that has ended, how they did.
    """

    handle: str
    model_type: str | None
    revision: str | None
    parameters: int
    hidden_size: int | None
    positions: int | None
    has_pooled_output: bool
    fingerprint: str
    pooling: str = MEAN

    def __str__(self) -> str:
        known = [self._short_handle, f"{self.parameters:,} weights"]
        if self.positions is not None:
            known.append(f"{self.positions:,} positions")
        if self.pooling != MEAN:
            known.append(f"pooling {self.pooling}")
        return ", ".join(known)

    @property
    def _short_handle(self) -> str:
        if self.revision is None:
            return self.handle
        return self.handle.replace(self.revision, self.revision[:_SHORT])

    def save(self, folder: epath.PathLike) -> None:
        """Writes it into a folder."""
        write_json(epath.Path(folder) / ENCODER_FILE, dataclasses.asdict(self))

    @classmethod
    def load(cls, folder: epath.PathLike) -> "Description":
        """Reads what `save` wrote."""
        return cls(**read_json(epath.Path(folder) / ENCODER_FILE))


def resolve(handle: str) -> Folders:
    """Returns the folders of a model, fetched and converted first where that is due.

    Args:
      handle: See `albert_tfx.encoders.fetching.handles`.

    Raises:
      InputError: There is no such model, it cannot be fetched, or cannot be used; or its graph
        does more than compute.
    """
    source = source_of(handle)
    if source is not None:
        return _converted(source, handle)
    folder = _saved_model(handle)
    if not handle.startswith(ASSET_SCHEME):
        from albert_tfx.encoders import operations

        operations.require_computing(folder)
    return Folders(folder, folder)


def source_of(handle: str) -> Path | None:
    """Returns the local folder of a Hugging Face model, None where a handle names a SavedModel.

    Raises:
      InputError: There is no such model, or it cannot be fetched.
    """
    model = hugging_face_model(handle)
    if model is not None:
        return _fetched(model)
    if is_url(handle) or handle.startswith(ASSET_SCHEME):
        return None
    folder = epath.Path(handle)
    if not (folder / "config.json").exists() or (folder / SAVED_MODEL).exists():
        return None
    return _copied(folder) if "://" in handle else Path(handle)


def describe(handle: str) -> Description:
    """Returns what is known of an encoder, fetched and converted first where that is due.

    Raises:
      InputError: As `resolve`; or its files are damaged, or are no encoder's.
    """
    from albert_tfx.encoders import saved_models

    model, folder = hugging_face_model(handle), resolve(handle).encoder
    converted = facts.read(epath.Path(folder).parent)
    try:
        found = saved_models.inspect(folder)
    except InputError as error:
        if converted is None:
            raise
        remedy = f"Delete {epath.Path(folder).parent}, and it is converted again"
        raise InputError(error.cause, remedy) from error
    if converted is None:
        return _described(handle, folder, found)
    return Description(
        handle=handle,
        model_type=converted.model_type,
        revision=model.revision if model and model.is_pinned else None,
        parameters=converted.parameters,
        hidden_size=converted.hidden_size,
        positions=converted.positions,
        has_pooled_output=converted.has_pooler,
        fingerprint=converted.fingerprint,
        pooling=converted.pooling or MEAN,
    )


def require_positions(known: Description, sequence_length: int) -> None:
    """Refuses a sequence length that an encoder has no positions for.

    Raises:
      InputError: It has fewer.
    """
    facts.require_positions(known.handle, known.positions, sequence_length)


def fingerprint_of(handle: str) -> str:
    """Returns a hash of a model's files, the same for every conversion of the same source.

    Raises:
      InputError: As `resolve`.
    """
    source = source_of(handle)
    if source is not None:
        return facts.inspect(source).fingerprint
    return fingerprint(resolve(handle).encoder)


def digest_of(handle: str) -> str:
    """Returns the SHA-256 of a model's files as they came from its publisher, 64 digits.

    Raises:
      InputError: There is no such model, or it cannot be fetched.
    """
    source = source_of(handle)
    if source is not None:
        return storage.digest_of(source, sorted(_files(epath.Path(source))))
    return storage.digest(_saved_model(handle))


def require_digest(handle: str, digest: str) -> None:
    """Refuses a model whose files are not those that were pinned.

    Raises:
      InputError: They are others; or as `digest_of`.
    """
    found = digest_of(handle)
    if found != digest:
        raise InputError(
            f"{handle} is not the model that was pinned: its files have the SHA-256 {found}, and "
            f"not {digest}",
            "Find out why they changed before you take it",
        )


def inspect(handle: str) -> None:
    """Refuses what can be seen to be unusable without TensorFlow.

    Raises:
      InputError: There is no such model, it cannot be fetched, or cannot be used.
    """
    source = source_of(handle)
    if source is not None:
        facts.inspect(source)
    elif not is_url(handle):
        saved_model_folder(handle)


def _saved_model(handle: str) -> str:
    if not is_url(handle):
        return saved_model_folder(handle)
    from albert_tfx.encoders.fetching import tf_hub

    return tf_hub.fetch(handle)


def _described(handle: str, folder: str, found: "SavedEncoder") -> Description:
    return Description(
        handle=handle,
        model_type=None,
        revision=None,
        parameters=found.parameters,
        hidden_size=None,
        positions=found.positions,
        has_pooled_output=found.has_pooled_output,
        fingerprint=fingerprint(folder),
    )


def _fetched(model: HuggingFaceModel) -> Path:
    from albert_tfx.encoders.fetching import hugging_face

    return hugging_face.fetch(model)


def _converted(source: Path, handle: str) -> Folders:
    """Returns the folders of a conversion, which is made where it is not there."""
    known = facts.inspect(source)
    target = user_cache.folder("encoders") / known.fingerprint
    with user_cache.locked(target), user_cache.written(target):
        if facts.read(target) is None:
            from albert_tfx.encoders import conversion

            for line in (f"converting {handle}", *known.remarks):
                _LOGGER.warning(line)
            remove(target)  # what is left of one that was damaged
            # In a thread of its own, which computes eagerly: Transform asks for a preprocessor
            # while it traces a graph, and there no model can be saved.
            with futures.ThreadPoolExecutor(1) as thread:
                thread.submit(conversion.convert, source, target).result()
    return Folders(str(target / facts.ENCODER), str(target / facts.PREPROCESSOR))


def _copied(folder: epath.Path) -> Path:
    """Returns a local copy of a folder in a bucket; of other files there is another copy."""
    files = sorted(_files(folder))
    key = hashlib.sha256(repr([(name, *length_and_time(folder / name)) for name in files]).encode())
    key.update(str(folder).encode())
    target = user_cache.folder("copies") / key.hexdigest()[:16]
    with user_cache.locked(target), user_cache.written(target):
        if not target.exists():
            partial = target.with_name(f"{target.name}.partial")
            remove(partial)
            for name in files:
                (partial / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).copy(partial / name)
            partial.rename(target)
    return target


def _files(folder: epath.Path) -> Iterator[str]:
    """Yields the names of a folder's files that a conversion may read."""
    from albert_tfx.encoders.fetching.hugging_face import FILES

    for pattern in FILES:
        yield from (str(path.relative_to(folder)) for path in folder.glob(pattern))
