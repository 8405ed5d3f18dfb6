"""Sample reviews as Transform gives them, and a model trained on a few, without a whole run."""

import dataclasses
import functools
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from albert_tfx.contract import EVAL, FINE_TUNED, LABEL, TEXT, TRAIN
from albert_tfx.data import schema
from albert_tfx.data.sample_reviews import LABELS
from albert_tfx.options import AnswerOptions, PreprocessingOptions, TrainerOptions, encode
from components import preprocessing, trainer
from pipelines.presets import IN_PROCESS, PROJECT

Review = dict[str, object]


@dataclasses.dataclass(frozen=True)
class Transformed:
    """Transform's two outputs.

    Attributes:
      graph: Folder of `transform_graph`.
      examples: Pattern of the files of `transformed_examples`, which are its split `train`.
    """

    graph: str
    examples: str


def sample_reviews(count: int, split: str = TRAIN) -> list[Review]:
    """Returns the first sample reviews of a split, from its start again where it is too short."""
    file = PROJECT / "assets" / "sample_reviews" / f"{split}.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    reviews = [{TEXT: row["text"], LABEL: LABELS.index(row["label"])} for row in rows]
    return [reviews[index % len(reviews)] for index in range(count)]


def transform(
    reviews: Sequence[Review], options: PreprocessingOptions, folder: Path
) -> Transformed:
    """Runs TensorFlow Transform with the project's `preprocessing_fn`, into `folder`."""
    prefix = str(folder / f"Split-{TRAIN}" / "transformed_examples")
    made = Transformed(str(folder / "graph"), f"{prefix}-*")
    metadata = tft.DatasetMetadata(schema.load(schema.CURATED))
    with (
        beam.Pipeline(argv=list(IN_PROCESS)) as pipeline,
        tft_beam.Context(temp_dir=str(folder / "temporary")),
    ):
        (batches, out), graph = (
            (pipeline | beam.Create(reviews), metadata)
        ) | tft_beam.AnalyzeAndTransformDataset(
            functools.partial(preprocessing.preprocessing_fn, custom_config=encode(options)),
            output_record_batches=True,
        )
        _ = graph | tft_beam.WriteTransformFn(made.graph)
        encoder = RecordBatchToExamplesEncoder(out.schema)
        _ = (
            batches
            | beam.FlatMap(lambda batch: encoder.encode(batch[0]))
            | beam.io.WriteToTFRecord(prefix, file_name_suffix=".gz")
        )
    return made


def train(transformed: Transformed, options: TrainerOptions, folder: Path) -> Path:
    """Trains the fine-tuned model as the Trainer does, and measures it on the same reviews.

    Args:
      transformed: The reviews.
      options: How to train.
      folder: Receives everything.

    Returns:
      The folder of the exported model.
    """
    assert options.model == FINE_TUNED
    model = folder / "model"
    examples = Path(transformed.examples)
    evaluated = shutil.copytree(examples.parent, folder / f"Split-{EVAL}")
    trainer.run_fn(
        FnArgs(
            train_files=[transformed.examples],
            eval_files=[str(evaluated / examples.name)],
            transform_graph_path=transformed.graph,
            schema_path=str(schema.CURATED),
            serving_model_dir=str(model),
            model_run_dir=str(folder / "run" / "1"),
            custom_config={
                trainer.OPTIONS_KEY: encode(options),
                trainer.ANSWERS_KEY: encode(AnswerOptions()),
            },
        )
    )
    return model
