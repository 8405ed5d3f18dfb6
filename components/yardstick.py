"""Yardstick: what word counts make of the same reviews, in seconds."""

from tfx.types.standard_artifacts import Examples, ModelEvaluation
from tfx.v1.dsl.components import InputArtifact, OutputArtifact, component

from albert_tfx.evaluation import baseline


@component
def Yardstick(  # noqa: N802  TFX takes the node's id from it
    examples: InputArtifact[Examples], result: OutputArtifact[ModelEvaluation]
) -> None:
    """Trains TF-IDF and logistic regression, and measures them as the two models are.

    Args:
      examples: With the splits `train`, `eval` and `test`.
      result: Folder of what was measured; `albert_tfx/evaluation/baseline.py` reads it.
    """
    baseline.evaluate(examples.uri, result.uri)
