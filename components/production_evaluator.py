"""TFX's Evaluator, with the one difference that its baseline is a model that was pushed.

TFX's own takes a `Model`, of which a pipeline with two Trainers has many. Only Pusher makes a
`PushedModel`.
"""

from typing import Any

import tensorflow_model_analysis as tfma
from tfx import types
from tfx.components.evaluator import executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.utils import json_utils

from albert_tfx.release.production import recorded, served_folder

PRODUCTION_KEY = "production"


class Executor(executor.Executor):
    """Evaluates as TFX does, the model in production being the baseline."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates the model alone where none is in production."""
        inputs = dict(input_dict)
        baseline = _models(inputs.pop(PRODUCTION_KEY, []))
        super().Do({**inputs, specs.BASELINE_MODEL_KEY: baseline}, output_dict, exec_properties)


def _models(pushed: list[types.Artifact]) -> list[types.Artifact]:
    """Returns the `Model` in production, under the id of what records it; none where it is gone."""
    folder = served_folder(recorded(pushed[0] if pushed else None))
    if folder is None:
        return []
    model = standard_artifacts.Model()
    model.uri, model.id = folder, pushed[0].id
    return [model]


class ProductionEvaluatorSpec(component_spec.ComponentSpec):
    """What is used here of `EvaluatorSpec`, and the baseline's other type."""

    PARAMETERS = {  # noqa: RUF012
        key: specs.EvaluatorSpec.PARAMETERS[key]
        for key in (specs.EVAL_CONFIG_KEY, specs.EXAMPLE_SPLITS_KEY, specs.MODULE_PATH_KEY)
    }
    INPUTS = {  # noqa: RUF012
        **{key: specs.EvaluatorSpec.INPUTS[key] for key in (specs.EXAMPLES_KEY, specs.MODEL_KEY)},
        PRODUCTION_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.PushedModel, optional=True
        ),
    }
    OUTPUTS = specs.EvaluatorSpec.OUTPUTS


class ProductionEvaluator(base_component.BaseComponent):
    """Evaluates a model against the one in production, if there is one.

    Outputs:
      evaluation: As the Evaluator's.
      blessing: As the Evaluator's; whether the model may be pushed is ProductionGate's to say.
    """

    SPEC_CLASS = ProductionEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel[Any],
        model: types.BaseChannel[Any],
        eval_config: tfma.EvalConfig,
        example_splits: list[str],
        production: types.BaseChannel[Any] | None = None,
        module_path: str | None = None,
    ) -> None:
        """Takes what TFX's Evaluator does.

        Args:
          examples: `Examples` to evaluate on.
          model: A `Model`, the candidate.
          eval_config: TFMA's configuration, of both models.
          example_splits: Splits of `examples` to evaluate on.
          production: A `PushedModel`, or none, of which the model in production is the baseline.
          module_path: Module with `custom_extractors`, if there are any.
        """
        super().__init__(
            ProductionEvaluatorSpec(
                examples=examples,
                model=model,
                production=production,
                eval_config=eval_config,
                example_splits=json_utils.dumps(example_splits),
                module_path=module_path,
                evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
