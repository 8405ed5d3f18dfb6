"""TFX's Pusher, made to be relied on: a version appears whole, is the newest, and says whose it is.

TFX's own copies file by file into the version's folder, so that a push that is interrupted leaves a
part of a model under the newest number. It numbers by the clock's seconds, and drops the second of
two pushes in one of them. It pushes a model again that is served already, it asks nobody whose
models the folder holds, and it never loads what it pushes.
"""

import os
import time
from collections.abc import Sequence
from typing import Any

from etils import epath
from tfx import types
from tfx.components.pusher import executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.utils import json_utils, proto_utils
from tfx.v1 import proto

from albert_tfx.contract import (
    EXTRA_ASSETS,
    MODEL_CARD_FILE,
    PUSHED,
    PUSHED_DESTINATION,
    PUSHED_VERSION,
)
from albert_tfx.errors import InputError
from albert_tfx.prediction.pushed_model import answer_warmup, content
from albert_tfx.release.production import (
    FINGERPRINT,
    PIPELINE,
    Origin,
    Production,
    is_whole,
    record,
    recorded,
    refuse_other_origins,
)
from albert_tfx.storage import fingerprint, remove, version_numbers, write_bytes

# Model servers look at numbered folders only.
STAGING = ".staging"
CARD_KEY = "card"
_CLASSES = "classes"


class Executor(executor.Executor):
    """Pushes into a staging folder as TFX does, then moves the version to its place."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes the model if it is blessed, and records which one is in production from now on.

        Raises:
          InputError: The serving folder holds a model of another pipeline, or of other classes; or
            the model is not what ModelSelector left, cannot be loaded, or does not answer.
        """
        destination = proto.PushDestination()
        proto_utils.json_to_proto(exec_properties[specs.PUSH_DESTINATION_KEY], destination)
        serving = destination.filesystem.base_directory
        custom_config = json_utils.loads(exec_properties[specs.CUSTOM_CONFIG_KEY])
        pipeline, classes = custom_config[PIPELINE], tuple(custom_config[_CLASSES])
        refuse_other_origins(serving, pipeline, classes)
        destination.filesystem.base_directory = os.path.join(serving, STAGING)
        remove(destination.filesystem.base_directory)
        staged = {specs.PUSH_DESTINATION_KEY: proto_utils.proto_to_json(destination)}
        super().Do(input_dict, output_dict, {**exec_properties, **staged})
        pushed = artifact_utils.get_single_instance(output_dict[specs.PUSHED_MODEL_KEY])
        pushed.set_string_custom_property(PIPELINE, pipeline)
        if pushed.get_int_custom_property(PUSHED):
            model = artifact_utils.get_single_instance(input_dict[specs.MODEL_KEY])
            origin = Origin(pipeline, classes, model.get_string_custom_property(FINGERPRINT))
            staged_model = pushed.get_string_custom_property(PUSHED_DESTINATION)
            _require_whole(staged_model, model, origin)
            _add_card(staged_model, input_dict.get(CARD_KEY, []))
            version = _publish(pushed, serving, origin)
            served = Origin.load(version) or origin
            record(pushed, Production(model.uri, served.fingerprint, version))
        else:
            blessing = artifact_utils.get_single_instance(input_dict[specs.MODEL_BLESSING_KEY])
            record(pushed, recorded(blessing))
        remove(destination.filesystem.base_directory)


def _require_whole(staged: str, model: types.Artifact, origin: Origin) -> None:
    """Refuses a copy that is not what was evaluated, or does not answer."""
    if fingerprint(staged) != origin.fingerprint:
        raise InputError(
            f"{model.uri} is damaged: its files are not those that ModelSelector left there",
            "Delete that folder: the same command makes it anew",
        )
    answer_warmup(staged)


def _add_card(staged: str, cards: Sequence[types.Artifact]) -> None:
    """Puts the model's card into its folder, where model servers look for nothing."""
    for card in cards:
        content = (epath.Path(card.uri) / MODEL_CARD_FILE).read_bytes()
        write_bytes(epath.Path(staged) / EXTRA_ASSETS / MODEL_CARD_FILE, content)


def _publish(pushed: types.Artifact, serving: str, origin: Origin) -> str:
    """Gives the staged model its version, records it on `pushed`, and returns its folder."""
    number = _place(pushed.get_string_custom_property(PUSHED_DESTINATION), serving, origin)
    version = os.path.join(serving, str(number))
    pushed.set_string_custom_property(PUSHED_DESTINATION, version)
    pushed.set_string_custom_property(PUSHED_VERSION, str(number))
    return version


def _place(staged: str, serving: str, origin: Origin) -> int:
    """Returns the newest version, which is the staged model: moved there, or there already.

    A training that ended with the weights that are served makes no version of its own.
    """
    newest = max(version_numbers(serving), default=0)
    version = os.path.join(serving, str(newest))
    served = Origin.load(version)
    is_ours = served is not None and is_whole(version)
    if is_ours and (served == origin or content(version) == content(staged)):
        return newest
    origin.save(staged)
    number = max(int(time.time()), newest + 1)
    epath.Path(staged).rename(epath.Path(serving) / str(number))
    return number


class AtomicPusherSpec(component_spec.ComponentSpec):
    """What is used here of `PusherSpec`, and the card."""

    PARAMETERS = specs.PusherSpec.PARAMETERS
    INPUTS = {  # noqa: RUF012
        **{
            key: specs.PusherSpec.INPUTS[key] for key in (specs.MODEL_KEY, specs.MODEL_BLESSING_KEY)
        },
        CARD_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.ModelEvaluation, optional=True
        ),
    }
    OUTPUTS = specs.PusherSpec.OUTPUTS


class AtomicPusher(base_component.BaseComponent):
    """Pushes a blessed model, and gives what TFX's `Pusher` does."""

    SPEC_CLASS = AtomicPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel[Any],
        model_blessing: types.BaseChannel[Any],
        push_destination: proto.PushDestination,
        pipeline: str,
        class_names: Sequence[str],
        card: types.BaseChannel[Any] | None = None,
    ) -> None:
        """Takes what TFX's does, and whose model it is.

        Args:
          model: A `Model`.
          model_blessing: The `ModelBlessing` that decides whether it is pushed.
          push_destination: The folder that the versions are in.
          pipeline: Name of the pipeline that pushes.
          class_names: The classes, in the order of the model's probabilities.
          card: ModelCard's, whose card is published with the model; None for no card.
        """
        custom_config = {PIPELINE: pipeline, _CLASSES: list(class_names)}
        super().__init__(
            AtomicPusherSpec(
                model=model,
                model_blessing=model_blessing,
                card=card,
                push_destination=push_destination,
                custom_config=json_utils.dumps(custom_config),
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
