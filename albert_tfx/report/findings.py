"""Puts what the artifacts of a run say together into its summary."""

import dataclasses
import importlib.metadata
import pathlib
import platform
import tomllib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from albert_tfx.evaluation.measurements import Comparison, ProductionComparison
from albert_tfx.evaluation.metrics import ACCURACY, CONFIDENCE
from albert_tfx.report import wording
from albert_tfx.report.convergence import judge
from albert_tfx.report.summary import (
    Duplicates,
    ModelSummary,
    ProductionSummary,
    Summary,
    TestSummary,
    Words,
    YardstickSummary,
    from_record,
)

if TYPE_CHECKING:  # none of them is needed to run, and some bring TensorFlow
    from albert_tfx.data.lengths import ReviewLengths
    from albert_tfx.encoders.resolution import Description
    from albert_tfx.evaluation.model_cost import ModelCost
    from albert_tfx.modeling.fitting import TrainingHistory
    from albert_tfx.release.production import Production
    from albert_tfx.release.replacement import Verdict
    from albert_tfx.release.selection import Decision

# Names in the summary, and the distributions by which each may be installed.
_PACKAGES = {
    "tfx": ("tfx",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "tfma": ("tensorflow-model-analysis",),
    "beam": ("apache-beam",),
}
_PROJECT = "albert-tfx"


def summarize(
    decision: "Decision",
    pushed_model: str | None,
    comparison: Comparison,
    histories: "Mapping[str, TrainingHistory]",
    test: ProductionComparison,
    verdict: "Verdict",
    production: "Production | None",
    examples: Mapping[str, int],
    duplicates: Mapping[str, Any] | None,
    yardstick: Mapping[str, Any] | None,
    costs: "Mapping[str, ModelCost]",
    words: "Mapping[str, ReviewLengths]",
    encoder: "Description | None",
    command: str,
) -> Summary:
    """Returns the summary of a run.

    Args:
      decision: Decision of ModelSelector.
      pushed_model: Folder to which Pusher pushed the winner, or None where it pushed nothing.
      comparison: Both models on the eval split.
      histories: Training histories by `frozen` and `fine_tuned`.
      test: The selected model on the test split, and the one in production.
      verdict: Verdict of ProductionGate.
      production: The model in production, or None where there was none.
      examples: Number of reviews by split.
      duplicates: Report of DuplicateFinder, with the keys of `summary.Duplicates`.
      yardstick: Result of Yardstick, with the keys of `summary.YardstickSummary`.
      costs: Costs of the exported models, by `frozen` and `fine_tuned`.
      words: Lengths of the reviews, by split.
      encoder: The encoder that both models have; None where that is not known.
      command: The command that started the run; empty where that is not known.
    """
    metrics = {"frozen": comparison.frozen, "fine_tuned": comparison.fine_tuned}
    found = Summary(
        winner=decision.winner,
        selected=decision.selected,
        pushed=pushed_model is not None,
        pushed_model=pushed_model,
        rule=decision.rule,
        reason=decision.reason,
        models={
            name: ModelSummary(
                metrics=metrics[name],
                train_seconds=history.train_seconds,
                trainable_parameters=history.trainable_parameters,
                parameters=history.parameters,
                best_epoch=history.best_epoch,
                training_precision=history.precision,
                learning_rate=history.learning_rate,
                rates=history.rates,
                epochs=history.epochs,
                convergence=judge(name, history.epochs, comparison.majority_share),
                model_bytes=costs[name].bytes,
                latency_seconds=costs[name].latency_seconds,
                slow_latency_seconds=costs[name].slow_latency_seconds,
            )
            for name, history in histories.items()
        },
        difference=comparison.all_differences,
        flip_rates=comparison.flip_rates,
        slices=comparison.slices,
        seeds=comparison.seeds,
        recipes=comparison.recipes,
        by_seed=comparison.by_seed,
        test_comparison=comparison.test,
        test=TestSummary(model=decision.selected, metrics=test.winner),
        production=ProductionSummary(
            passed=verdict.passed,
            rule=verdict.rule,
            reason=verdict.reason,
            pushed_model=production.version if production else None,
            metrics=test.production,
            difference={ACCURACY.name: test.difference},
        ),
        majority_share=comparison.majority_share,
        confidence=CONFIDENCE,
        examples=dict(examples),
        words={split: Words(**dataclasses.asdict(each)) for split, each in words.items()},
        duplicates=from_record(Duplicates, duplicates) if duplicates else None,
        yardstick=from_record(YardstickSummary, yardstick) if yardstick else None,
        encoder=encoder,
        versions=versions(),
        seed=next(iter(histories.values())).seed,
        command=command,
    )
    return dataclasses.replace(found, caution=wording.caution(found))


def versions() -> dict[str, str | None]:
    """Returns the versions of Python, this project and what it uses; None where one is absent."""
    packages = {name: _version(distributions) for name, distributions in _PACKAGES.items()}
    return {**packages, "python": platform.python_version(), _PROJECT: _project_version()}


def _version(distributions: Iterable[str]) -> str | None:
    for distribution in distributions:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _project_version() -> str | None:
    """Returns the version of the installed package, or else of the source tree."""
    source = pathlib.Path(__file__).resolve().parents[2] / "pyproject.toml"
    if (installed := _version([_PROJECT])) or not source.exists():
        return installed
    return str(tomllib.loads(source.read_text())["project"]["version"])
