"""Artifacts of TFX as a run leaves them, made in seconds.

Some are of texts that a test names. In others a review is the class scores of the frozen model
followed by those of the fine-tuned model, so that whatever TFMA should find can be computed from
the same numbers with NumPy. Zeros make it longer.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tfx import v1 as tfx
from tfx.components.evaluator import executor as evaluator
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import Artifact, standard_artifacts
from tfx.utils import json_utils, proto_utils

from albert_tfx.contract import LABEL, SIZES_FILE, TEXT
from albert_tfx.data import schema
from albert_tfx.data.duplicates.report import SplitSizes
from albert_tfx.data.lengths import ReviewLengths, count_words
from albert_tfx.data.records import reviews_of
from albert_tfx.modeling.fitting import TrainingHistory
from albert_tfx.storage import write_json
from components.yardstick import Yardstick
from tests.support import models, reports
from tests.support.data import Scores

Review = tuple[str, int]
DUPLICATES = {
    "exact": {"train": {"test": 3}},
    "contradicting": {},
    "near": {},
    "contained": {},
    "removed": {"train": {"exact": 3, "near": 0}},
    "reviews": {"train": {"0": {"kept": 147, "exact": 3, "near": 0}}},
    "keep": False,
    "near_similarity": 0.8,
    "shingle_words": 3,
    "pairs": [
        {
            "kind": "exact",
            "similarity": 1.0,
            "review": {"split": "train", "file": "one", "row": 7, "text": "A film"},
            "original": {"split": "test", "file": "two", "row": 0, "text": "A film"},
        }
    ],
}


def make_artifact(artifact_type: type[Artifact], folder: Path, identifier: int = 1) -> Artifact:
    folder.mkdir(parents=True, exist_ok=True)
    made = artifact_type()
    made.uri = str(folder)
    made.id = identifier
    return made


def save_model(folder: Path, first: int, classes: int) -> Artifact:
    model = make_artifact(standard_artifacts.Model, folder)
    reader = models.ScoreReader(first, classes)
    tf.saved_model.save(
        reader, str(folder / "Format-Serving"), signatures={"serving_default": reader.serve}
    )
    return model


def save_scores(folder: Path, **splits: Scores) -> Artifact:
    examples = make_artifact(standard_artifacts.Examples, folder)
    examples.split_names = json_utils.dumps(list(splits))
    for split, scores in splits.items():
        path = folder / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz"
        path.parent.mkdir()
        with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
            rows = np.hstack([scores.frozen, scores.fine_tuned])
            for row, label, words in zip(rows, scores.labels, scores.words(), strict=True):
                writer.write(_example(row, label, words))
    return examples


def _example(row: np.ndarray, label: int, words: int) -> bytes:
    example = tf.train.Example()
    text = " ".join([*map(str, row), *["0"] * (words - len(row))])
    example.features.feature[TEXT].bytes_list.value.append(text.encode())
    example.features.feature[LABEL].int64_list.value.append(int(label))
    return example.SerializeToString()


def evaluate(
    folder: Path, config: tfma.EvalConfig, examples: Artifact, split: str, **compared: Artifact
) -> Artifact:
    """Runs TFX's Evaluator on `model` and perhaps `baseline_model`; returns its evaluation.

    The Evaluator's blessing is left as a custom property `blessed` of the evaluation.
    """
    evaluation = make_artifact(standard_artifacts.ModelEvaluation, folder / "evaluation")
    blessing = make_artifact(standard_artifacts.ModelBlessing, folder / "blessing")
    # Given flags instead, TFX would first pack itself into an archive, for seconds.
    context = BaseBeamExecutor.Context(make_beam_pipeline_fn=_in_process_pipeline)
    evaluator.Executor(context).Do(
        {"examples": [examples], **{key: [model] for key, model in compared.items()}},
        {"evaluation": [evaluation], "blessing": [blessing]},
        {
            "eval_config": proto_utils.proto_to_json(config),
            "example_splits": json_utils.dumps([split]),
            "module_path": "albert_tfx.evaluation.extractors",
        },
    )
    evaluation.set_int_custom_property("blessed", blessing.get_int_custom_property("blessed"))
    return evaluation


def _in_process_pipeline() -> beam.Pipeline:
    return beam.Pipeline(argv=["--runner=FnApiRunner"])


def save_history(folder: Path, saved: TrainingHistory) -> Artifact:
    model_run = make_artifact(standard_artifacts.ModelRun, folder)
    saved.save(model_run.uri)
    reports.ENCODER.save(model_run.uri)
    return model_run


def save_reviews(folder: Path, reviews_per_file: int = 1000, **splits: list[Review]):
    """Writes splits of (text, label) as TfdsExampleGen would, and returns the artifact."""
    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    examples.split_names = json_utils.dumps(list(splits))
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    examples.set_string_custom_property("file_format", "tfrecords_gzip")
    examples.set_string_custom_property("input_fingerprint", "of the data set")
    examples.set_int_custom_property("span", 0)
    for split, reviews in splits.items():
        files = [
            reviews[first : first + reviews_per_file]
            for first in range(0, len(reviews), reviews_per_file)
        ]
        for number, some in enumerate(files):
            name = f"data_tfrecord-{number:05}-of-{len(files):05}.gz"
            _write_reviews(folder / f"Split-{split}" / name, some)
    return examples


def read_reviews(folder: Path, split: str) -> list[Review]:
    """Returns a split's reviews in the order of its files."""
    files = sorted(map(str, (folder / f"Split-{split}").iterdir()))
    records = tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()
    parsed = [tf.train.Example.FromString(record).features.feature for record in records]
    return [(f[TEXT].bytes_list.value[0].decode(), f[LABEL].int64_list.value[0]) for f in parsed]


def _write_reviews(path: Path, reviews: list[Review]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for text, label in reviews:
            feature = {
                TEXT: tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()])),
                LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString(deterministic=True))


def save_report_inputs(folder: Path, examples: Artifact) -> dict[str, Artifact]:
    """Stores what ComparisonReport reads besides evaluations and decision, by its inputs' names.

    Args:
      folder: Where to.
      examples: What the models were evaluated on, for the yardstick.
    """
    return {
        "duplicates": _save_duplicates(folder / "duplicates", examples),
        "yardstick": train_yardstick(folder / "yardstick", examples, _classes_of(examples))[0],
        **{
            f"{name}_model_run": save_history(folder / name, history)
            for name, history in reports.HISTORIES.items()
        },
    }


def import_artifact(key: str, artifact: Artifact) -> tfx.dsl.Importer:
    """Returns a node, of the id `key`, that gives the artifact."""
    is_examples = isinstance(artifact, standard_artifacts.Examples)
    return tfx.dsl.Importer(
        source_uri=artifact.uri,
        artifact_type=type(artifact),
        properties={"split_names": artifact.split_names} if is_examples else None,
    ).with_id(key)


def save_schema(folder: Path, class_names: Sequence[str]) -> Artifact:
    saved = make_artifact(standard_artifacts.Schema, folder)
    schema.write(schema.for_classes(class_names), saved.uri)
    return saved


def train_yardstick(folder: Path, examples: Artifact, classes: int) -> tuple[Artifact, Artifact]:
    """Runs Yardstick, and returns its result and its model, in folders of these names."""
    curated = save_schema(folder / "schema", [f"class {index}" for index in range(classes)])
    result = make_artifact(standard_artifacts.ModelEvaluation, folder / "result")
    model = make_artifact(standard_artifacts.Model, folder / "model")
    Yardstick.test_call(examples=examples, schema=curated, result=result, model=model)
    return result, model


def _classes_of(examples: Artifact) -> int:
    splits = (reviews_of(examples.uri, split) for split in ("train", "eval", "test"))
    return 1 + max(label for reviews in splits for _, label in reviews)


def _save_duplicates(folder: Path, examples: Artifact) -> Artifact:
    saved = make_artifact(standard_artifacts.ModelEvaluation, folder)
    words = {
        split: Counter(count_words(text) for text, _ in reviews_of(examples.uri, split))
        for split in ("train", "eval", "test")
    }
    sizes = SplitSizes(
        {split: each.total() for split, each in words.items()},
        {split: ReviewLengths.of(each) for split, each in words.items()},
    )
    write_json(folder / "duplicates.json", DUPLICATES)
    write_json(folder / SIZES_FILE, dataclasses.asdict(sizes))
    return saved
