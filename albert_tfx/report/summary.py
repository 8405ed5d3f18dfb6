"""`summary.json`: what a run found, for machines."""

import dataclasses
import importlib.metadata
import json
import math
import pathlib
import platform
import tomllib
from collections.abc import Mapping
from typing import Any

from albert_tfx.data.lengths import ReviewLengths
from albert_tfx.evaluation.measurements import (
    CONFIDENCE,
    Comparison,
    Interval,
    ProductionComparison,
)
from albert_tfx.evaluation.model_cost import ModelCost
from albert_tfx.evaluation.results import metrics_record
from albert_tfx.modeling.training_history import TrainingHistory
from albert_tfx.release.production import Production
from albert_tfx.release.replacement import Verdict
from albert_tfx.release.selection import Decision

_PACKAGES = {
    "tfx": "tfx",
    "tensorflow": "tensorflow",
    "tfma": "tensorflow-model-analysis",
    "beam": "apache-beam",
}
_PROJECT = "albert-tfx"


def summarize(
    decision: Decision,
    pushed_model: str | None,
    comparison: Comparison,
    histories: Mapping[str, TrainingHistory],
    test: ProductionComparison,
    verdict: Verdict,
    production: Production | None,
    examples: Mapping[str, int],
    duplicates: Mapping[str, Any],
    yardstick: Mapping[str, Any],
    costs: Mapping[str, ModelCost],
    words: Mapping[str, ReviewLengths],
    command: str,
) -> dict[str, Any]:
    """Puts a run's findings together.

    Args:
      decision: What ModelSelector decided.
      pushed_model: Where Pusher put the winner, or None where it pushed nothing.
      comparison: Both models on the eval split.
      histories: Training histories by `frozen` and `fine_tuned`.
      test: The selected model on the test split, and the one in production.
      verdict: What ProductionGate made of that.
      production: The model in production, or None where there was none.
      examples: Number of reviews by split.
      duplicates: What DuplicateFinder found; see its `load_duplicates`.
      yardstick: What Yardstick measured; see its `load_yardstick`. `gain` holds, for each model,
        the paired difference of its accuracy on `eval` to the yardstick's.
      costs: Costs of the exported models, by `frozen` and `fine_tuned`.
      words: How long the reviews are, by split.
      command: What started the run; empty where that is not known.

    Returns:
      Plain mappings, numbers and strings. A number may be NaN.
    """
    metrics = {"frozen": comparison.frozen, "fine_tuned": comparison.fine_tuned}
    return {
        "winner": decision.winner,
        "selected": decision.selected,
        "pushed": pushed_model is not None,
        "pushed_model": pushed_model,
        "rule": decision.rule,
        "reason": decision.reason,
        "models": {
            name: {
                **metrics_record(metrics[name]),
                **_training_record(history),
                **_cost_record(costs[name]),
            }
            for name, history in histories.items()
        },
        "difference": {
            "accuracy": _interval_record(comparison.difference),
            **{name: _interval_record(each) for name, each in comparison.differences.items()},
        },
        "flip_rates": comparison.flip_rates and dataclasses.asdict(comparison.flip_rates),
        "slices": [dataclasses.asdict(each) for each in comparison.slices],
        "test": {"model": decision.selected, **metrics_record(test.winner)},
        "production": _production_record(test, verdict, production),
        "majority_share": comparison.majority_share,
        "confidence": CONFIDENCE,
        "examples": dict(examples),
        "words": {split: dataclasses.asdict(lengths) for split, lengths in words.items()},
        "duplicates": dict(duplicates),
        "yardstick": dict(yardstick),
        "versions": versions(),
        "seed": next(iter(histories.values())).seed,
        "command": command,
    }


def _production_record(
    test: ProductionComparison, verdict: Verdict, production: Production | None
) -> dict[str, Any]:
    difference = test.difference and _interval_record(test.difference)
    return {
        **dataclasses.asdict(verdict),
        "pushed_model": production and production.version,
        "metrics": test.production and metrics_record(test.production),
        "difference": {"accuracy": difference},
    }


def to_json(summary: Mapping[str, Any]) -> str:
    """Returns strict JSON, which has no NaN: null stands for every number that is none."""
    return json.dumps(_without_nan(summary), indent=2, allow_nan=False) + "\n"


def versions() -> dict[str, str]:
    """Returns the versions of Python, this project and what it stands on."""
    packages = {name: _version(package) for name, package in _PACKAGES.items()}
    return {**packages, "python": platform.python_version(), _PROJECT: _project_version()}


def _version(package: str) -> str:
    """Asks the installed package; TensorFlow for CPUs has a name of its own."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return importlib.metadata.version(f"{package}-cpu")


def _project_version() -> str:
    """Asks the installed package, or the source tree where the project is not installed."""
    try:
        return importlib.metadata.version(_PROJECT)
    except importlib.metadata.PackageNotFoundError:
        source = pathlib.Path(__file__).resolve().parents[2] / "pyproject.toml"
        return tomllib.loads(source.read_text())["project"]["version"]


def _training_record(history: TrainingHistory) -> dict[str, Any]:
    return {
        "train_seconds": history.train_seconds,
        "trainable_parameters": history.trainable_parameters,
        "parameters": history.parameters,
        "best_epoch": history.best_epoch,
        "training_precision": history.precision,
        "epochs": list(history.epochs),
    }


def _cost_record(cost: ModelCost) -> dict[str, float]:
    return {
        "model_bytes": cost.bytes,
        "latency_seconds": cost.latency_seconds,
        "slow_latency_seconds": cost.slow_latency_seconds,
    }


def _interval_record(interval: Interval) -> dict[str, float | None]:
    return {"value": interval.value, "lower": interval.lower, "upper": interval.upper}


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
