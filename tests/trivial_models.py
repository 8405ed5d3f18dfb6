"""Models that read their scores off the text, and what TFX makes of them in seconds.

A review is the class scores of the frozen model followed by those of the fine-tuned model, so that
whatever TFMA should find can be computed from the same numbers with NumPy. Zeros make it longer.
"""

import dataclasses
from pathlib import Path

import apache_beam as beam
import numpy as np
import tensorflow as tf
from tfx.components.evaluator import executor as evaluator
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import Artifact, standard_artifacts
from tfx.utils import json_utils, proto_utils

from albert_tfx.contract import FINE_TUNED, FROZEN, LABEL, PROBABILITIES, TEXT
from albert_tfx.modeling.fitting import TrainingHistory

MODELS = (FROZEN, FINE_TUNED)


@dataclasses.dataclass(frozen=True)
class Scores:
    """Class scores of both models, float64 `[reviews, classes]`, and labels, int64 `[reviews]`."""

    frozen: np.ndarray
    fine_tuned: np.ndarray
    labels: np.ndarray

    def right(self, model: str) -> np.ndarray:
        """Returns 1.0 where the most probable class is the label, else 0.0."""
        return (getattr(self, model).argmax(axis=1) == self.labels).astype(float)

    def words(self) -> np.ndarray:
        """Returns how many words each review has: few to some hundreds."""
        return 2 * self.frozen.shape[1] + np.arange(len(self.labels)) * 7 % 240

    def probabilities(self, model: str) -> np.ndarray:
        exponents = np.exp(getattr(self, model))
        return exponents / exponents.sum(axis=1, keepdims=True)


def draw_scores(reviews: int, classes: int, frozen_skill=1.3, fine_tuned_skill=1.9) -> Scores:
    """Draws correlated scores; the greater a model's skill, the more often it is right."""
    random = np.random.default_rng(seed=7)
    labels = random.permutation(np.arange(reviews) % (classes + 1) % classes)
    truth = np.eye(classes)[labels]
    shared = random.normal(size=(reviews, classes))
    noise = 0.7 * random.normal(size=(2, reviews, classes))
    scores = np.round(
        shared + noise + np.stack([frozen_skill * truth, fine_tuned_skill * truth]), 3
    )
    return Scores(scores[0], scores[1], labels)


class ScoreReader(tf.Module):
    def __init__(self, first: int, classes: int) -> None:
        super().__init__()
        self._columns = slice(first, first + classes)
        self._names = [f"class {index}" for index in range(classes)]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        text = tf.io.parse_example(examples, {TEXT: tf.io.FixedLenFeature([], tf.string)})[TEXT]
        scores = tf.strings.to_number(tf.strings.split(text)).to_tensor()[:, self._columns]
        names = tf.tile([self._names], [tf.shape(scores)[0], 1])
        return {PROBABILITIES: tf.nn.softmax(scores), "labels": names}


def artifact(artifact_type: type[Artifact], folder: Path, identifier: int = 1) -> Artifact:
    folder.mkdir(parents=True, exist_ok=True)
    made = artifact_type()
    made.uri = str(folder)
    made.id = identifier
    return made


def save_model(folder: Path, first: int, classes: int) -> Artifact:
    model = artifact(standard_artifacts.Model, folder)
    reader = ScoreReader(first, classes)
    tf.saved_model.save(
        reader, str(folder / "Format-Serving"), signatures={"serving_default": reader.serve}
    )
    return model


def save_examples(folder: Path, **splits: Scores) -> Artifact:
    examples = artifact(standard_artifacts.Examples, folder)
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


def evaluate(folder: Path, config, examples: Artifact, split: str, **models: Artifact) -> Artifact:
    """Runs TFX's Evaluator on `model` and perhaps `baseline_model`; returns its evaluation.

    The Evaluator's blessing is left as a custom property `blessed` of the evaluation.
    """
    evaluation = artifact(standard_artifacts.ModelEvaluation, folder / "evaluation")
    blessing = artifact(standard_artifacts.ModelBlessing, folder / "blessing")
    # Given flags instead, TFX would first pack itself into an archive, for seconds.
    context = BaseBeamExecutor.Context(make_beam_pipeline_fn=_in_process_pipeline)
    evaluator.Executor(context).Do(
        {"examples": [examples], **{key: [model] for key, model in models.items()}},
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


def history(model: str, accuracies: list[float], best_epoch: int) -> TrainingHistory:
    epochs = tuple(
        {"loss": 1 - a, "accuracy": a + 0.02, "val_loss": 1 - a, "val_accuracy": a}
        for a in accuracies
    )
    seconds, weights = (12.5, 8_450) if model == FROZEN else (310.0, 1_204_322)
    return TrainingHistory(model, epochs, best_epoch, seconds, weights, 1_204_322, seed=1)


def save_history(folder: Path, saved: TrainingHistory) -> Artifact:
    model_run = artifact(standard_artifacts.ModelRun, folder)
    saved.save(model_run.uri)
    return model_run
