"""Before a run: what ML Metadata knows is brought into line with what lies in the output folder."""

import contextlib
import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

from ml_metadata import errors
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from albert_tfx.contract import PUSHED_DESTINATION, PUSHED_VERSION
from albert_tfx.errors import LESS_MEMORY
from albert_tfx.release.production import PRODUCTION, Production, newest_whole
from albert_tfx.storage import version_numbers, write_bytes
from pipelines.config import PipelineConfig
from pipelines.local import artifact_files
from pipelines.runs import connect, open_store, split_uri

_PROTO: Any = metadata_store_pb2  # its classes are made when it is imported
_ACTIVE = (_PROTO.Execution.NEW, _PROTO.Execution.RUNNING)
# TFX's name for the type of what a Pusher gives.
_PUSHED_MODEL = "PushedModel"


def reconcile(config: PipelineConfig) -> list[str]:
    """Changes the metadata of a run that is about to start, where folders were moved or deleted.

    A first run's is made, of no artifacts.

    Returns:
      What was found, a sentence each.

    Raises:
      OSError: There is no room for it.
    """
    path = pathlib.Path(config.metadata)
    if not path.exists():
        _make(path)
        return []
    store = open_store(path, _PROTO.SqliteMetadataSourceConfig.READWRITE)
    pushes = _pushes(store, config.name)
    found = [
        *_follow_move(store, pushes, config),
        *_forget_damaged(store, config),
        *_forget_lost_pushes(store, pushes, config),
        *_close_executions(store),
    ]
    _remember(store, config)
    return found


def _make(path: pathlib.Path) -> None:
    """Makes a database with the tables of ML Metadata at once.

    Where TFX makes it, table by table, a full disk or a kill leaves some of them, and no run starts
    from these.
    """
    with tempfile.TemporaryDirectory() as folder:
        whole = pathlib.Path(folder, path.name)
        connect(whole, _PROTO.SqliteMetadataSourceConfig.READWRITE_OPENCREATE)
        write_bytes(path, whole.read_bytes())


def remember(config: PipelineConfig) -> None:
    """Writes down which files the artifacts have now, for `reconcile` to find what is damaged.

    Where a full disk keeps it from that, the run's own end is what counts: nothing is raised.
    """
    path = pathlib.Path(config.metadata)
    if path.exists():
        with contextlib.suppress(OSError):
            _remember(open_store(path), config)


def _remember(store: MetadataStore, config: PipelineConfig) -> None:
    artifact_files.remember(config.pipeline_root, [each.uri for each in _live(store)])


def _forget_damaged(store: MetadataStore, config: PipelineConfig) -> Iterator[str]:
    """Forgets artifacts whose files changed, so that their components run anew."""
    live = {artifact.uri: artifact for artifact in _live(store)}
    for uri in artifact_files.damaged(config.pipeline_root, live):
        live[uri].state = _PROTO.Artifact.DELETED
        store.put_artifacts([live[uri]])
        yield f"{uri} is damaged, and is made anew"


def _live(store: MetadataStore) -> list[Any]:
    return [each for each in store.get_artifacts() if each.state == _PROTO.Artifact.LIVE]


def _follow_move(store: MetadataStore, pushes: list[Any], config: PipelineConfig) -> Iterator[str]:
    """Forgets artifacts of another output folder, as all are once theirs was moved or copied.

    TFX's cache cannot follow them, as its keys hold where they were. What was pushed is served from
    the output folder, and so is followed.
    """
    for push in pushes:
        _relocate(push, config)
    store.put_artifacts(pushes)
    followed = {push.id for push in pushes}
    moved = [
        each
        for each in _live(store)
        if each.id not in followed and split_uri(each.uri)[0] not in ("", config.output)
    ]
    for artifact in moved:
        artifact.state = _PROTO.Artifact.DELETED
    store.put_artifacts(moved)
    for former in sorted({split_uri(each.uri)[0] for each in moved}):
        yield f"this folder was {former} before: all runs anew, and what is served stays"


def _relocate(push: Any, config: PipelineConfig) -> None:
    """Changes where a push lies, and the version that it records."""
    push.uri = os.path.join(config.pipeline_root, split_uri(push.uri)[1])
    if PRODUCTION in push.custom_properties:
        recorded = push.custom_properties[PRODUCTION]
        production = Production.from_json(recorded.string_value)
        model = os.path.join(config.pipeline_root, split_uri(production.model)[1])
        version = os.path.join(config.serving, pathlib.Path(production.version).name)
        here = dataclasses.replace(production, model=model, version=version)
        recorded.string_value = here.to_json()
    if PUSHED_DESTINATION in push.custom_properties:
        destination = push.custom_properties[PUSHED_DESTINATION]
        name = pathlib.Path(destination.string_value).name
        destination.string_value = os.path.join(config.serving, name)


def _forget_lost_pushes(
    store: MetadataStore, pushes: list[Any], config: PipelineConfig
) -> Iterator[str]:
    """Marks as deleted what was pushed after the newest version that is whole.

    TFX then neither takes such a push from the cache nor finds it in production, so that a run
    pushes again what is no longer served. Older versions may go without any consequence: they
    stopped being in production when the next one was pushed.
    """
    newest = newest_whole(config.serving)
    lost = [push for push in pushes if _version(push) > newest]
    for push in lost:
        push.state = _PROTO.Artifact.DELETED
    store.put_artifacts(lost)
    for version in version_numbers(config.serving):
        if version > newest:
            yield f"{config.serving}/{version} is damaged, and counts as never pushed"


def _close_executions(store: MetadataStore) -> Iterator[str]:
    """Marks as cancelled what runs on in the metadata alone: this run has the folder to itself.

    Names what the run before was at when it was killed, as the kernel does where memory is short.
    """
    left = [each for each in store.get_executions() if each.last_known_state in _ACTIVE]
    for execution in left:
        execution.last_known_state = _PROTO.Execution.CANCELED
    store.put_executions(left)
    for execution in sorted(left, key=lambda each: each.id)[-1:]:
        contexts = store.get_contexts_by_execution(execution.id)
        names = {each.type: each.name for each in contexts}
        component = names.get("node", "").removeprefix(f"{names.get('pipeline')}.")
        yield (
            f"the run before was stopped or killed in {component or 'a component'}; where nobody "
            f"did so, the kernel did, for memory. {LESS_MEMORY}"
        )


def _pushes(store: MetadataStore, pipeline: str) -> list[Any]:
    context = store.get_context_by_type_and_name("pipeline", pipeline)
    try:
        pushed_model = store.get_artifact_type(_PUSHED_MODEL)
    except errors.NotFoundError:
        return []
    artifacts = store.get_artifacts_by_context(context.id) if context else []
    return [each for each in artifacts if each.type_id == pushed_model.id]


def _version(push: Any) -> int:
    """Returns the version of a push; 0 where the Pusher pushed nothing."""
    return int(push.custom_properties[PUSHED_VERSION].string_value or 0)
