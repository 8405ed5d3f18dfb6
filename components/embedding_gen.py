"""EmbeddingGen: the frozen encoder, run once a review as a Beam stage that TFX caches."""

import json
import os

import apache_beam as beam
from apache_beam.utils import shared
from tfx.components.util import examples_utils
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples
from tfx.v1 import proto
from tfx.v1.dsl.components import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
    component,
)

from albert_tfx.data import records
from albert_tfx.modeling.encoder import EmbedReviews
from albert_tfx.options import EmbeddingOptions, decode


@component(use_beam=True)
def EmbeddingGen(  # noqa: N802  TFX takes the node's id from it
    transformed_examples: InputArtifact[Examples],
    embeddings: OutputArtifact[Examples],
    options: Parameter[str],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Runs the frozen encoder over token ids, so that a head can train on its vectors.

    Args:
      transformed_examples: Examples of token ids, in any splits.
      embeddings: Receives examples with `pooled_output`, `label` and `text`, in the same splits.
      options: JSON of `EmbeddingOptions`.
      beam_pipeline: Made by TFX.
    """
    embeddings.split_names = transformed_examples.split_names
    examples_utils.set_payload_format(embeddings, proto.PayloadFormat.FORMAT_TF_EXAMPLE)
    splits = artifact_utils.decode_split_names(transformed_examples.split_names)
    embed = EmbedReviews(
        decode(EmbeddingOptions, json.loads(options)),
        shared.Shared(),
        sum(records.count_of(transformed_examples.uri, split) for split in splits),
    )
    with beam_pipeline as pipeline:
        for split in splits:
            source = artifact_utils.get_split_uri([transformed_examples], split)
            target = os.path.join(artifact_utils.get_split_uri([embeddings], split), "embeddings")
            _ = (
                pipeline
                | f"Read[{split}]" >> beam.io.ReadFromTFRecord(os.path.join(source, "*"))
                | f"Embed[{split}]" >> beam.ParDo(embed)
                | f"Write[{split}]" >> beam.io.WriteToTFRecord(target, file_name_suffix=".gz")
            )
