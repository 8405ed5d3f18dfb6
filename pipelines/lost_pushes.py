"""Keeps ML Metadata true to a serving folder from which versions were deleted."""

import pathlib
from collections.abc import Iterable

from ml_metadata import errors
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import Artifact  # type: ignore[attr-defined]
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.types.standard_artifacts import PushedModel

from albert_tfx.contract import PUSHED_VERSION
from albert_tfx.release import served_versions
from pipelines.config import PipelineConfig


def forget_lost_pushes(config: PipelineConfig) -> None:
    """Marks as deleted what was pushed after the newest version that is still there.

    TFX then neither takes such a push from the cache nor finds it in production, so that a run
    pushes again what is no longer served. Older versions may go without any consequence: they
    stopped being in production when the next one was pushed.

    Args:
      config: The run that is about to start.
    """
    if not pathlib.Path(config.metadata).exists():
        return
    store = MetadataStore(sqlite_metadata_connection_config(config.metadata))
    newest = max(served_versions.numbers(config.serving), default=0)
    lost = [push for push in _pushes(store, config.name) if _version(push) > newest]
    for push in lost:
        push.state = Artifact.DELETED
    store.put_artifacts(lost)


def _pushes(store: MetadataStore, pipeline: str) -> Iterable[Artifact]:
    context = store.get_context_by_type_and_name("pipeline", pipeline)
    try:
        pushed_model = store.get_artifact_type(PushedModel.TYPE_NAME)
    except errors.NotFoundError:
        return []
    artifacts = store.get_artifacts_by_context(context.id) if context else []
    return [each for each in artifacts if each.type_id == pushed_model.id]


def _version(push: Artifact) -> int:
    return int(push.custom_properties[PUSHED_VERSION].string_value or 0)
