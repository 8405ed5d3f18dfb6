"""Computes every figure of a run's page again: by scikit-learn, from the exported models' answers.

    python benchmarks/recompute_page.py                   # a run on three skewed classes
    python benchmarks/recompute_page.py --output output   # an earlier run of local_runner.py
    python benchmarks/recompute_page.py --quick

The texts are support messages, 80, 15 and 5 % of three classes. For each figure it prints the
largest difference between what `summary.json` has and what scikit-learn finds.
"""

import argparse
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import drawn_tickets
import measured_run
import numpy as np
from figures import Figure, add_results_option, publish
from sklearn import metrics
from sklearn.calibration import calibration_curve

ROWS, QUICK_ROWS, SEED = 6_000, 600, 1
OPTIONS = ("--metric", "macro_f1", "--class-weights", "balanced", "--candidates", "all")
FEW_STEPS = ("--frozen-epochs", "5", "--fine-tuned-epochs", "1")
MODELS = {
    "frozen": ("Trainer.frozen", "model"),
    "fine_tuned": ("Trainer.fine_tuned", "model"),
    "yardstick": ("Yardstick", "model"),
}
BATCH = 256
TOLERANCE = 1e-5

Found = Iterator[tuple[str, float, float]]  # figure, by summary.json, by scikit-learn


def compare(output: Path) -> list[Figure]:
    """Returns, for each figure, the largest difference of all models and classes.

    Args:
      output: The output folder of a finished run.
    """
    from albert_tfx.data.records import reviews_of
    from albert_tfx.evaluation.baseline import Answers
    from albert_tfx.evaluation.results import Evaluation
    from pipelines.runs import list_runs

    run = list_runs(str(output))[-1]
    summary, evaluation = (
        run.summary(),
        Evaluation.load(run.uri("Evaluator.comparison", "evaluation")),
    )
    curves = evaluation.curves(Answers.load(run.uri("Yardstick", "result")))
    eval_metrics = {name: each.metrics for name, each in summary.models.items()}
    assert summary.yardstick
    eval_metrics["yardstick"] = summary.yardstick.eval
    splits = {
        split: tuple(zip(*reviews_of(run.uri("DuplicateFinder", "examples"), split), strict=True))
        for split in ("eval", "test")
    }
    differences: dict[str, float] = defaultdict(float)

    def note(found: Found) -> None:
        for name, ours, theirs in found:
            differences[name] = max(differences[name], abs(ours - theirs))

    for name, (component, key) in MODELS.items():
        texts, labels = splits["eval"]
        answers = _ask(run.uri(component, key), texts)
        truth = np.array(labels)
        note(_overall(eval_metrics[name].record(), truth, answers))
        note(_by_class(summary.classes[name], truth, answers))
        note(_confusion(curves[name].confusion.to_numpy(), truth, answers))
        if name == summary.test.model:
            texts, labels = splits["test"]
            answers = _ask(run.uri(component, key), texts)
            note(_overall(summary.test.metrics.record(), np.array(labels), answers))
    figures = [
        Figure(f"largest difference, {name}", value, "") for name, value in differences.items()
    ]
    return [
        *figures,
        Figure("largest difference of all", max(differences.values()), "", f"< {TOLERANCE}"),
    ]


def _ask(uri: str, texts: tuple[bytes, ...]) -> np.ndarray:
    """Returns an exported model's probabilities, float64 `[texts, classes]`."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers the operations of tokenization

    return ask(tf.saved_model.load(f"{uri}/Format-Serving"), texts).astype(np.float64)


def ask(model: Any, texts: Sequence[bytes]) -> np.ndarray:
    """Returns a loaded model's probabilities, float32 `[texts, classes]`."""
    import tensorflow as tf

    classify = model.signatures["classify_text"]
    parts = (texts[at : at + BATCH] for at in range(0, len(texts), BATCH))
    return np.concatenate(
        [classify(text=tf.constant(part))["probabilities"].numpy() for part in parts]
    )


def _overall(ours: Mapping[str, float | None], labels: np.ndarray, answers: np.ndarray) -> Found:
    given, present = answers.argmax(axis=1), np.unique(labels)
    options = {"average": "macro", "labels": present, "zero_division": 0}
    theirs = {
        "accuracy": metrics.accuracy_score(labels, given),
        "recall": metrics.balanced_accuracy_score(labels, given),
        "precision": metrics.precision_score(labels, given, **options),
        "f1": metrics.f1_score(labels, given, **options),
        "auc": np.mean([metrics.roc_auc_score(labels == k, answers[:, k]) for k in present]),
        "log_loss": metrics.log_loss(labels, answers, labels=range(answers.shape[1])),
        "calibration_error": _calibration_error(labels, answers),
    }
    for name, value in theirs.items():
        yield name, float(ours[name] or 0), float(value)


def _calibration_error(labels: np.ndarray, answers: np.ndarray) -> float:
    confidence, right = answers.max(axis=1), answers.argmax(axis=1) == labels
    shares, means = calibration_curve(right, confidence, n_bins=15)
    counts = np.histogram(confidence, bins=15, range=(0, 1))[0]
    return float((np.abs(shares - means) * counts[counts > 0]).sum() / len(labels))


def _by_class(ours: tuple, labels: np.ndarray, answers: np.ndarray) -> Found:
    found = metrics.precision_recall_fscore_support(
        labels, answers.argmax(axis=1), labels=range(len(ours)), zero_division=0
    )
    for each, (precision, recall, f1, support) in zip(ours, np.transpose(found), strict=True):
        yield "texts of a class", each.examples, support
        for name, value in (("precision", precision), ("recall", recall), ("f1", f1)):
            measured = getattr(each, name).value
            yield f"{name} of a class", measured if np.isfinite(measured) else 0.0, value


def _confusion(ours: np.ndarray, labels: np.ndarray, answers: np.ndarray) -> Found:
    given = answers.argmax(axis=1)
    theirs = metrics.confusion_matrix(labels, given, labels=range(len(ours)))
    yield "confusion", float(np.abs(ours - theirs).max()), 0.0


def main() -> None:
    """Runs where no run is given, compares, prints, records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROWS} messages")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder of an earlier run")
    add_results_option(parser)
    arguments = parser.parse_args()
    flags = [f"--output {arguments.output}"] if arguments.output else []
    flags += ["--quick"] if arguments.quick else []
    if arguments.output:
        figures = compare(arguments.output)
    else:
        with tempfile.TemporaryDirectory() as folder:
            figures = _run(Path(folder), QUICK_ROWS if arguments.quick else ROWS)
    command = " ".join(["python benchmarks/recompute_page.py", *flags])
    publish(figures, command, arguments.results)


def _run(folder: Path, rows: int) -> list[Figure]:
    drawn_tickets.write(folder / "tickets.csv", rows, SEED)
    options = ["--csv", str(folder / "tickets.csv"), *OPTIONS, *FEW_STEPS]
    measured_run.run(folder / "output", options)
    return compare(folder / "output")


if __name__ == "__main__":
    main()
