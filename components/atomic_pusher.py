"""TFX's Pusher, with the one difference that a version appears whole or not at all.

TFX's own copies file by file into the version's folder: a push that is interrupted leaves a part of
a model under the newest number, for a server to find.
"""

import os
from typing import Any

from tfx import types
from tfx.components.pusher import executor
from tfx.components.pusher.component import Pusher
from tfx.dsl.components.base import executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils
from tfx.v1 import proto

# Model servers look at numbered folders only.
STAGING = ".staging"
_DESTINATION = "pushed_destination"


class Executor(executor.Executor):
    """Pushes into a staging folder as TFX does, then moves the version to its place."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes the model if it is blessed."""
        destination = proto.PushDestination()
        proto_utils.json_to_proto(exec_properties[specs.PUSH_DESTINATION_KEY], destination)
        serving = destination.filesystem.base_directory
        staging = os.path.join(serving, STAGING)
        if fileio.exists(staging):
            fileio.rmtree(staging)
        destination.filesystem.base_directory = staging
        staged = {specs.PUSH_DESTINATION_KEY: proto_utils.proto_to_json(destination)}
        super().Do(input_dict, output_dict, {**exec_properties, **staged})
        pushed = artifact_utils.get_single_instance(output_dict[specs.PUSHED_MODEL_KEY])
        if pushed.get_int_custom_property("pushed"):
            version = os.path.join(serving, pushed.get_string_custom_property("pushed_version"))
            fileio.rename(pushed.get_string_custom_property(_DESTINATION), version)
            fileio.rmtree(staging)
            pushed.set_string_custom_property(_DESTINATION, version)


class AtomicPusher(Pusher):
    """Pushes a blessed model; takes and gives what TFX's `Pusher` does."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
