"""Measures both models on all test reviews, with the small ALBERT's pretraining and without it.

    python benchmarks/pretraining_worth.py                           # the sample reviews; minutes
    python benchmarks/pretraining_worth.py --dataset imdb_reviews --sequence-length 128 256 512
    python benchmarks/pretraining_worth.py --quick                   # 200 reviews; decides nothing

Each encoder goes through whole runs of `local_runner.py`. A run reports only its winner on the
`test` split, so the frozen and the fine-tuned model that it exported are asked here for the rest.
`random` is the same encoder with every weight drawn anew, as ALBERT starts (normal of deviation
0.02, truncated; Lan et al. 2020). Its encoder's rate, its epochs and batches are the same; its head
has the defaults of an encoder that is not ours: half the rate, and dropout of 0.1. The figures of
one length are kept before the next is begun.
"""

import argparse
import dataclasses
import os
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

import encoder_shapes
import numpy as np
import whole_run
from figures import Figure, add_results_option, publish
from measured_run import MeasuredRun, run

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

MINI, RANDOM = ENCODERS = ("mini", "random")
MODELS = ("frozen", "fine_tuned")
BARS = {("frozen", 256): ">= 0.85", ("fine_tuned", 256): ">= 0.88"}
DEVIATION = 0.02


def save_with_random_weights(encoder: Path, folder: Path, seed: int = 1) -> None:
    """Saves the encoder of one folder in another, with every weight drawn anew."""
    import tensorflow as tf

    model = tf.saved_model.load(str(encoder))
    for number, variable in enumerate(model.variables):
        if variable.name.endswith(("gamma:0", "beta:0", "bias:0")):
            variable.assign(tf.fill(variable.shape, float(variable.name.endswith("gamma:0"))))
        else:
            variable.assign(
                tf.random.stateless_truncated_normal(variable.shape, [seed, number], 0, DEVIATION)
            )
    tf.saved_model.save(model, str(folder))


def options_of(encoder: str, dataset: str, folder: Path) -> list[str]:
    """Returns the options by which a run takes an encoder; `folder` receives a random one."""
    from pipelines.presets import MINI_ENCODER, MINI_PREPROCESSOR, recipe_of

    if encoder == MINI:
        return []
    save_with_random_weights(encoder_shapes.MINI, folder)
    recipe = recipe_of(MINI_ENCODER, dataset).fine_tuned
    return [
        f"--encoder={folder}",
        f"--preprocessor={MINI_PREPROCESSOR}",
        f"--batch-size={recipe['batch_size']}",
        f"--fine-tuned-epochs={recipe['epochs']}",
        f"--fine-tuned-learning-rate={recipe['encoder_learning_rate']}",
    ]


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
    cell: str, measured: MeasuredRun, found: dict[str, np.ndarray], labels: np.ndarray, length: int
) -> list[Figure]:
    """Returns both models' accuracy, the gain with its interval, and what the run has to say."""
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
            BARS.get((model, length)) if cell.startswith(MINI) else None,
        )
        for model in MODELS
    ]
    figures += [
        Figure(f"{cell}, gained, {end}", getattr(gain, end), "")
        for end in ("value", "lower", "upper")
    ]
    figures += [
        Figure(f"{cell}, {model}, training", measured.summary.models[model].train_seconds, "s")
        for model in MODELS
    ]
    return figures + [
        dataclasses.replace(each, name=f"{cell}, {each.name}")
        for each in whole_run.figures_of(measured, is_sample=False)
    ]


def main() -> None:
    """Runs, prints, records."""
    arguments = _parser().parse_args()
    count = 200 if arguments.quick else None
    limits = [f"--max-examples={count}", "--fine-tuned-epochs=1"] if count else []
    command = ["python", "benchmarks/pretraining_worth.py", f"--dataset={arguments.dataset}"]
    command += ["--quick"] if arguments.quick else []
    texts, labels = test_reviews(arguments.dataset, count)
    for length in arguments.sequence_length:
        figures = []
        for encoder in arguments.encoders:
            with tempfile.TemporaryDirectory() as folder:
                output = Path(folder, "output")
                chosen = options_of(encoder, arguments.dataset, Path(folder, "encoder"))
                data = [f"--dataset={arguments.dataset}", f"--sequence-length={length}"]
                measured = run(output, [*data, *chosen, *limits])
                found = {model: probabilities(output, model, texts) for model in MODELS}
            cell = f"{encoder}, {length} tokens"
            figures += figures_of(cell, measured, found, labels, length)
        repeated = [*command, f"--sequence-length={length}", "--encoders", *arguments.encoders]
        publish(figures, shlex.join(repeated), arguments.results)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", default="sample_reviews", help="(default: %(default)s)")
    parser.add_argument(
        "--sequence-length", type=int, nargs="+", default=[96], metavar="N", help="(default: 96)"
    )
    parser.add_argument(
        "--encoders", nargs="+", choices=ENCODERS, default=ENCODERS, help="(default: both)"
    )
    parser.add_argument("--quick", action="store_true", help="200 reviews, one epoch")
    add_results_option(parser)
    return parser


if __name__ == "__main__":
    main()
