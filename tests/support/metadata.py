"""A database of ML Metadata with the few records that a test needs."""

import dataclasses
from pathlib import Path

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as proto

NAME = "reviews"


@dataclasses.dataclass(frozen=True)
class Output:
    """The folder of a run: of a `PipelineConfig`, what `reconcile` reads."""

    folder: Path
    name: str = NAME

    @property
    def output(self) -> str:
        return str(self.folder)

    @property
    def pipeline_root(self) -> str:
        return str(self.folder / "pipeline")

    @property
    def metadata(self) -> str:
        return str(self.folder / "metadata.db")

    @property
    def serving(self) -> str:
        return str(self.folder / "serving")


class Records:
    """Writes what TFX writes of one run."""

    def __init__(self, output: Output) -> None:
        config = proto.ConnectionConfig()
        config.sqlite.filename_uri = output.metadata
        config.sqlite.connection_mode = proto.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = MetadataStore(config)
        self._folder = output.folder
        self._contexts = [
            self._context("pipeline", NAME),
            self._context("pipeline_run", "2026-11-29"),
        ]

    def run(self, name: str) -> None:
        """Begins another run, which the executions to come belong to."""
        self._contexts[-1] = self._context("pipeline_run", name)

    def _context(self, type_name: str, name: str) -> int:
        type_id = self.store.put_context_type(proto.ContextType(name=type_name))
        return self.store.put_contexts([proto.Context(type_id=type_id, name=name)])[0]

    def execution(self, component: str, key: str, state: str, **properties: str) -> str:
        """Adds an execution with one output; returns that artifact's uri."""
        execution_type = self.store.put_execution_type(proto.ExecutionType(name=component))
        artifact_type = self.store.put_artifact_type(
            proto.ArtifactType(name={"Pusher": "PushedModel"}.get(component, key))
        )
        count = len(self.store.get_executions()) + 1
        uri = str(self._folder / "pipeline" / component / key / str(count))
        artifact = proto.Artifact(type_id=artifact_type, uri=uri, state=proto.Artifact.LIVE)
        for name, value in properties.items():
            artifact.custom_properties[name].string_value = value
        event = proto.Event(type=proto.Event.OUTPUT)
        event.path.steps.add().key = key
        event.path.steps.add().index = 0
        node_name = f"{NAME}.{component}"
        found = self.store.get_context_by_type_and_name("node", node_name)
        node = found.id if found else self._context("node", node_name)
        contexts = self.store.get_contexts_by_id([*self._contexts, node])
        self.store.put_execution(
            proto.Execution(
                type_id=execution_type, last_known_state=getattr(proto.Execution, state)
            ),
            [(artifact, event)],
            contexts,
        )
        return uri
