"""DuplicateFinder: takes the reviews out of `train` and `eval` that repeat others.

A review that is in two splits is remembered instead of judged, and flatters whatever model was
trained on it; one that is twice in a split counts twice.
"""

import json

import apache_beam as beam
from tfx.components.example_gen import utils
from tfx.types.standard_artifacts import Examples, ModelEvaluation
from tfx.v1.dsl.components import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
    component,
)

from albert_tfx.data.duplicates.removal import TakeOutDuplicates
from albert_tfx.data.duplicates.report import load_duplicates, refuse_lost_classes
from albert_tfx.options import DuplicateOptions, decode

# What readers of Examples go by, and what says which data they are.
_CARRIED_PROPERTIES = (
    utils.PAYLOAD_FORMAT_PROPERTY_NAME,
    utils.FILE_FORMAT_PROPERTY_NAME,
    utils.FINGERPRINT_PROPERTY_NAME,
    utils.SPAN_PROPERTY_NAME,
    utils.VERSION_PROPERTY_NAME,
)


@component(use_beam=True)
def DuplicateFinder(  # noqa: N802  TFX takes the node's id from it
    raw_examples: InputArtifact[Examples],
    examples: OutputArtifact[Examples],
    # Kubeflow compiles TFX's own types only; this one is nearest to a report.
    report: OutputArtifact[ModelEvaluation],
    options: Parameter[str],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Takes out what repeats, so that no model is judged on what it was trained on.

    From `train` goes whatever is in `eval`, in `test` or earlier in `train`, and from `eval`
    whatever is in `test` or earlier in `eval`; `test` stays whole, as results on it are to be
    compared with others'. `albert_tfx/data/duplicates/similarity.py` defines what counts as alike.

    Args:
      raw_examples: With the splits `train`, `eval` and `test`.
      examples: `raw_examples` without these, in the same files and order.
      report: Folder of what was found and counted.
      options: JSON of `DuplicateOptions`.
      beam_pipeline: Made by TFX.

    Raises:
      InputError: A split has no review of a class left.
    """
    keep = decode(DuplicateOptions, json.loads(options)).keep
    _describe_alike(raw_examples, examples)
    with beam_pipeline as pipeline:
        _ = pipeline | TakeOutDuplicates(raw_examples.uri, examples.uri, report.uri, keep)
    refuse_lost_classes(load_duplicates(report.uri))


def _describe_alike(source: Examples, target: Examples) -> None:
    """Gives `target` the splits of `source`, and the properties that are as true of it."""
    target.split_names = source.split_names
    for name in _CARRIED_PROPERTIES:
        value = source.get_custom_property(name)
        if isinstance(value, str):
            target.set_string_custom_property(name, value)
        elif value is not None:  # Kubeflow makes every number a float
            target.set_int_custom_property(name, int(value))
