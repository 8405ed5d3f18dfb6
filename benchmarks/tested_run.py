"""A whole run, and what both of its models answer to all texts of the `test` split."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import whole_run
from figures import Figure
from measured_run import MeasuredRun, run

MODELS = ("frozen", "fine_tuned")


def measure(
    cell: str,
    output: Path,
    options: Sequence[str],
    texts: Sequence[str],
    labels: np.ndarray,
    bars: Mapping[str, str],
) -> list[Figure]:
    """Runs `local_runner.py` with `options`; returns `figures_of` it on these texts."""
    measured = run(output, options)
    found = {model: probabilities(output, model, texts) for model in MODELS}
    return figures_of(cell, measured, found, labels, bars)


def test_reviews(dataset: str, count: int | None) -> tuple[list[str], np.ndarray]:
    """Returns the first `count` texts of the data set's test split, or all, and their labels."""
    import tensorflow_datasets as tfds

    from albert_tfx.data import tfds_source
    from albert_tfx.options import DatasetOptions

    resolved = tfds_source.resolve(DatasetOptions(name=dataset, max_examples=count))
    read = resolved.builder.as_dataset(split=resolved.splits["test"], shuffle_files=False)
    examples = list(tfds.as_numpy(read))
    texts = [example[resolved.text_feature].decode() for example in examples]
    return texts, np.array([example[resolved.label_feature] for example in examples])


def probabilities(folder: Path, model: str, texts: Sequence[str]) -> np.ndarray:
    """Returns the probabilities, `[texts, classes]`, of a model that a run exported to `folder`."""
    from albert_tfx.prediction import predictions
    from albert_tfx.prediction.pushed_model import PushedModel
    from pipelines import runs

    (last,) = runs.list_runs(str(folder))
    exported = PushedModel(Path(last.uri(f"Trainer.{model}", "model"), "Format-Serving"))
    answers = [
        list(each.probabilities.values())
        for window in predictions.predict(texts, exported)
        for each in window
    ]
    return np.array(answers)


def figures_of(
    cell: str,
    measured: MeasuredRun,
    found: dict[str, np.ndarray],
    labels: np.ndarray,
    bars: Mapping[str, str],
) -> list[Figure]:
    """Returns both models' accuracy, the gain with its interval, and what the run has to say.

    Args:
      cell: What is put before the name of each figure.
      measured: The run.
      found: By model, its probabilities, `[texts, classes]`.
      labels: int `[texts]`.
      bars: By model, what its accuracy should reach.
    """
    from albert_tfx.evaluation.measurements import difference_interval
    from albert_tfx.evaluation.metrics import ACCURACY, Estimate

    right = {name: each.argmax(axis=1) == labels for name, each in found.items()}
    estimated = {name: Estimate(each.mean(), each - each.mean()) for name, each in right.items()}
    gained = estimated["fine_tuned"] - estimated["frozen"]
    gain = difference_interval(ACCURACY.name, gained, gained.value, len(labels))
    reviews = f"{len(labels):,} test reviews"
    figures = [
        Figure(
            f"{cell}, {model}, {reviews}",
            estimated[model].value,
            "accuracy",
            bars.get(model),
        )
        for model in MODELS
    ]
    figures += [
        Figure(f"{cell}, gained, {end}", getattr(gain, end), "")
        for end in ("value", "lower", "upper")
    ]
    figures += [
        Figure(
            f"{cell}, yardstick, test",
            measured.summary.yardstick.test[ACCURACY.name].value,
            "accuracy",
        ),
    ]
    figures += [
        Figure(f"{cell}, {model}, training", measured.summary.models[model].train_seconds, "s")
        for model in MODELS
    ]
    return figures + [
        dataclasses.replace(each, name=f"{cell}, {each.name}")
        for each in whole_run.figures_of(measured, is_sample=False)
    ]
