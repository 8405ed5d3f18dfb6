"""ModelSelector: hands the winning model on, with its blessing.

TFX's Evaluator blesses only the candidate, so that on its own nothing would ever be served where
the baseline is the better model.
"""

import dataclasses
import json
import os
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from albert_tfx.contract import DECISION_FILE, FINE_TUNED, FROZEN
from albert_tfx.evaluation.results import load_comparison
from albert_tfx.modeling.encoder import fingerprint
from albert_tfx.options import SelectionPolicy, decode, encode
from albert_tfx.release.blessings import bless
from albert_tfx.release.production import FINGERPRINT
from albert_tfx.release.selection import Decision, select
from albert_tfx.storage import copy_entries

FROZEN_MODEL_KEY = "frozen_model"
FINE_TUNED_MODEL_KEY = "fine_tuned_model"
EVALUATION_KEY = "evaluation"
MODEL_KEY = "model"
BLESSING_KEY = "blessing"
POLICY_KEY = "policy"

_MODEL_KEYS = {FROZEN: FROZEN_MODEL_KEY, FINE_TUNED: FINE_TUNED_MODEL_KEY}


def load_decision(blessing_uri: str) -> Decision:
    """Reads the decision out of the folder of a blessing that ModelSelector gave."""
    with fileio.open(os.path.join(blessing_uri, DECISION_FILE)) as file:
        return Decision(**json.loads(file.read()))


class Executor(base_executor.BaseExecutor):
    """Applies the policy to the evaluation."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Copies the selected model and writes its blessing."""
        evaluation_uri = artifact_utils.get_single_uri(input_dict[EVALUATION_KEY])
        policy = decode(SelectionPolicy, json.loads(exec_properties[POLICY_KEY]))
        decision = select(policy, load_comparison(evaluation_uri))
        selected = artifact_utils.get_single_instance(input_dict[_MODEL_KEYS[decision.selected]])
        model = artifact_utils.get_single_instance(output_dict[MODEL_KEY])
        copy_entries(selected.uri, model.uri)
        saved_model = path_utils.serving_model_path(model.uri)
        model.set_string_custom_property(FINGERPRINT, fingerprint(saved_model))
        # TFX gives `model` its id only after this; the Trainer's has one, to be found by.
        bless(
            artifact_utils.get_single_instance(output_dict[BLESSING_KEY]),
            selected,
            decision.winner is not None,
            {DECISION_FILE: dataclasses.asdict(decision)},
        )


class ModelSelectorSpec(component_spec.ComponentSpec):
    """ModelSelector's channels and properties."""

    PARAMETERS = {  # noqa: RUF012
        POLICY_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        FROZEN_MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        FINE_TUNED_MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        EVALUATION_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
    }
    OUTPUTS = {  # noqa: RUF012
        MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        BLESSING_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class ModelSelector(base_component.BaseComponent):
    """Selects one of two models by the policy in `albert_tfx/release/selection.py`.

    Outputs:
      model: The leading model, whether blessed or not.
      blessing: Whether it may be served; its folder holds `decision.json`.
    """

    SPEC_CLASS = ModelSelectorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        frozen_model: types.BaseChannel,
        fine_tuned_model: types.BaseChannel,
        evaluation: types.BaseChannel,
        policy: SelectionPolicy,
    ) -> None:
        """Takes both Trainers' `model` and the `evaluation` of their comparison.

        Args:
          frozen_model: A `Model`, the baseline of the evaluation.
          fine_tuned_model: A `Model`, the candidate of the evaluation.
          evaluation: The Evaluator's `ModelEvaluation` on the eval split.
          policy: When which model wins.
        """
        super().__init__(
            ModelSelectorSpec(
                frozen_model=frozen_model,
                fine_tuned_model=fine_tuned_model,
                evaluation=evaluation,
                policy=json.dumps(encode(policy), sort_keys=True),
                model=types.Channel(type=standard_artifacts.Model),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
