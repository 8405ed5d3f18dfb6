"""Yardstick: what word counts make of the same reviews, in seconds."""

import json

from tfx.types.standard_artifacts import Examples, Model, ModelEvaluation, Schema
from tfx.utils import io_utils, path_utils
from tfx.v1.dsl.components import InputArtifact, OutputArtifact, Parameter, component

from albert_tfx.data.schema import class_names
from albert_tfx.options import AnswerOptions, YardstickOptions, decode
from albert_tfx.yardstick import training


@component
def Yardstick(  # noqa: N802  TFX takes the node's id from it
    examples: InputArtifact[Examples],
    schema: InputArtifact[Schema],
    result: OutputArtifact[ModelEvaluation],
    model: OutputArtifact[Model],
    options: Parameter[str] = "{}",
    answers: Parameter[str] = "{}",
) -> None:
    """Trains TF-IDF and logistic regression, and measures them as the two models are.

    Args:
      examples: With the splits `train`, `eval` and `test`.
      schema: Names the classes.
      result: Folder of what was measured; `albert_tfx/evaluation/baseline.py` reads it.
      model: The same as a SavedModel, with the signatures of the two models'.
      options: JSON of `YardstickOptions`.
      answers: JSON of `AnswerOptions`.
    """
    curated = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema.uri))
    served_as = decode(AnswerOptions, json.loads(answers))
    served_as.require_fit(class_names(curated))  # before anything takes hours
    training.evaluate(
        examples.uri,
        result.uri,
        path_utils.serving_model_dir(model.uri),
        class_names(curated),
        decode(YardstickOptions, json.loads(options)),
        served_as,
    )
