"""Which artifacts a report is made of."""

import dataclasses
from collections.abc import Mapping

from tfx import types


@dataclasses.dataclass(frozen=True)
class SourceArtifact:
    """An artifact that a report read.

    Attributes:
      role: What the report takes it for.
      producer: Id of the component that made it; empty where the runner does not say.
      type_name: Its type in ML Metadata.
      id: Its id there.
      uri: Where it lies, from the pipeline's root.
    """

    role: str
    producer: str
    type_name: str
    id: int
    uri: str


def trace(inputs: Mapping[str, types.Artifact], output: types.Artifact) -> list[SourceArtifact]:
    """Describes the artifacts that a component read, in the order in which they were made.

    Args:
      inputs: The artifacts by the component's names for them.
      output: What the component writes; its uri tells where the pipeline's root is.
    """
    # TFX puts an output to ROOT/component/key/id.
    root = output.uri.rsplit("/", 3)[0]
    return [
        SourceArtifact(
            role.replace("_", " "),
            artifact.producer_component,
            artifact.type_name,
            artifact.id,
            _relative(artifact.uri, root),
        )
        for role, artifact in sorted(inputs.items(), key=lambda item: (item[1].id, item[0]))
    ]


def _relative(uri: str, root: str) -> str:
    return uri.removeprefix(f"{root}/")
