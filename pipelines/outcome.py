"""What a finished run left in ML Metadata."""

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import Event, Execution  # type: ignore[attr-defined]
from tfx.orchestration.metadata import sqlite_metadata_connection_config

_FINISHED = (Execution.COMPLETE, Execution.CACHED)


def output_uri(metadata_path: str, pipeline: str, component: str) -> str:
    """Returns the uri of the artifact that `component` gave last, itself or from the cache.

    Args:
      metadata_path: ML Metadata's SQLite database.
      pipeline: The pipeline's name.
      component: Id of a component with one output artifact.

    Raises:
      LookupError: The component has never finished.
    """
    store = MetadataStore(sqlite_metadata_connection_config(metadata_path))
    node = store.get_context_by_type_and_name("node", f"{pipeline}.{component}")
    executions = store.get_executions_by_context(node.id) if node else []
    finished = [each.id for each in executions if each.last_known_state in _FINISHED]
    if not finished:
        raise LookupError(f"{component} has never finished in {pipeline}, says {metadata_path}")
    events = store.get_events_by_execution_ids([max(finished)])
    outputs = [e.artifact_id for e in events if e.type == Event.OUTPUT]
    return store.get_artifacts_by_id(outputs)[0].uri
