"""Yardstick: what word counts make of the same reviews, in seconds."""

import json

from tfx.types.standard_artifacts import Examples, ModelEvaluation
from tfx.v1.dsl.components import InputArtifact, OutputArtifact, Parameter, component

from albert_tfx.evaluation import baseline
from albert_tfx.options import YardstickOptions, decode


@component
def Yardstick(  # noqa: N802  TFX takes the node's id from it
    examples: InputArtifact[Examples],
    result: OutputArtifact[ModelEvaluation],
    options: Parameter[str] = "{}",
) -> None:
    """Trains TF-IDF and logistic regression, and measures them as the two models are.

    Args:
      examples: With the splits `train`, `eval` and `test`.
      result: Folder of what was measured; `albert_tfx/evaluation/baseline.py` reads it.
      options: JSON of `YardstickOptions`.
    """
    baseline.evaluate(examples.uri, result.uri, decode(YardstickOptions, json.loads(options)))
