"""Puts what the artifacts of a run say together into its summary."""

import dataclasses
import importlib.metadata
import pathlib
import platform
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from albert_tfx.contract import FINE_TUNED, FROZEN, LABEL_SLICE, SLICES, YARDSTICK
from albert_tfx.data.schema import display_order
from albert_tfx.evaluation.measurements import Comparison, ProductionComparison
from albert_tfx.evaluation.metrics import ACCURACY, CONFIDENCE
from albert_tfx.options import BALANCED
from albert_tfx.release.selection import answer
from albert_tfx.report.convergence import judge
from albert_tfx.report.summary import (
    AnswersSummary,
    Deciding,
    Duplicates,
    ModelSummary,
    ProductionSummary,
    Settings,
    Summary,
    TestSummary,
    Words,
    YardstickSummary,
    from_record,
    to_record,
)
from albert_tfx.report.wording.verdict import caution, headline

if TYPE_CHECKING:  # none of them is needed to run, and some bring TensorFlow
    from albert_tfx.data.lengths import ReviewLengths
    from albert_tfx.encoders.resolution import Description
    from albert_tfx.evaluation.model_cost import ModelCost
    from albert_tfx.modeling.fitting import TrainingHistory
    from albert_tfx.release.production import Production
    from albert_tfx.release.replacement import Verdict
    from albert_tfx.release.selection import Decision
    from albert_tfx.seeds.precision import PrecisionChange

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
    settings: Settings | None = None,
    date: str = "",
    answers: AnswersSummary | None = None,
    precision_changes: "Mapping[str, PrecisionChange | None] | None" = None,
) -> Summary:
    """Returns the summary of a run, as far as it is known before Pusher has run.

    Args:
      decision: Decision of ModelSelector.
      comparison: Both models on the eval split, and the yardstick.
      histories: Training histories by `frozen` and `fine_tuned`.
      test: The selected model on the test split, and the one in production.
      verdict: Verdict of ProductionGate.
      production: The model in production, or None where there was none.
      examples: Number of reviews by split.
      duplicates: Report of DuplicateFinder, with the keys of `summary.Duplicates`.
      yardstick: Result of Yardstick, with the keys of `summary.YardstickSummary` but for `gain`.
      costs: Costs of the exported models, by `frozen` and `fine_tuned`.
      words: Lengths of the reviews, by split.
      encoder: The encoder that both models have; None where that is not known.
      settings: What the run was asked to do; None where that is not known.
      date: Of the report, as `2026-11-29`; empty likewise.
      answers: What becomes of the selected model's probabilities; None likewise.
      precision_changes: What the precision of inference changes, by model.
    """
    metrics = {"frozen": comparison.frozen, "fine_tuned": comparison.fine_tuned}
    is_balanced = settings is not None and settings.class_weights == BALANCED
    # A training by weights gives up accuracy for rare classes, so that chance is no bar for it.
    chance = 0.0 if is_balanced else comparison.majority_share
    found = Summary(
        winner=decision.winner,
        selected=decision.selected,
        pushed=False,
        pushed_model=None,
        rule=decision.rule,
        reason=decision.reason,
        answer=answer(decision, comparison),
        metric=_deciding(comparison, test),
        seeds=comparison.seeds,
        models={
            name: ModelSummary(
                metrics=metrics[name],
                train_seconds=history.train_seconds,
                trainable_parameters=history.trainable_parameters,
                parameters=history.parameters,
                best_epoch=history.best_epoch,
                training_precision=history.precision,
                inference_precision=history.inference_precision,
                precision_change=(precision_changes or {}).get(name),
                learning_rate=history.learning_rate,
                rates=history.rates,
                epochs=history.epochs,
                convergence=judge(name, history.epochs, chance),
                model_bytes=costs[name].bytes,
                latency_seconds=costs[name].latency_seconds,
                slow_latency_seconds=costs[name].slow_latency_seconds,
                train_memory_bytes=history.train_memory_bytes,
                calibration=history.calibration,
            )
            for name, history in histories.items()
        },
        difference=comparison.all_differences,
        flip_rates=comparison.flip_rates,
        slices=comparison.slices,
        recipes=comparison.recipes,
        by_seed=comparison.by_seed,
        test_comparison=comparison.test,
        answers=answers,
        classes=comparison.classes,
        test=TestSummary(model=decision.selected, metrics=test.winner),
        production=ProductionSummary(
            passed=verdict.passed,
            rule=verdict.rule,
            reason=verdict.reason,
            pushed_model=production.version if production else None,
            metrics=test.production,
            difference={
                ACCURACY.name: test.difference,
                **({} if test.change is None else {test.metric.name: test.change}),
            },
        ),
        majority_share=comparison.majority_share,
        confidence=CONFIDENCE,
        examples=dict(examples),
        words={split: Words(**dataclasses.asdict(each)) for split, each in words.items()},
        duplicates=from_record(Duplicates, duplicates) if duplicates else None,
        yardstick=_yardstick(yardstick, comparison) if yardstick else None,
        encoder=encoder,
        date=date,
        settings=settings,
        labels=_labels(duplicates, comparison),
        versions=versions(),
        seed=next(iter(histories.values())).seed,
        command="",
    )
    found = _in_order(dataclasses.replace(found, caution=caution(found)))
    return dataclasses.replace(found, headline=headline(found))


def _in_order(summary: Summary) -> Summary:
    """Returns a summary with its classes in the order in which they are shown."""
    names = [each.name for each in next(iter(summary.classes.values()), ())]
    order = display_order(names, summary.settings.class_order if summary.settings else None)
    place = {name: index for index, name in enumerate(order)}
    labels = {f"{SLICES[LABEL_SLICE]} {name}": index for name, index in place.items()}
    return dataclasses.replace(
        summary,
        classes={
            model: tuple(sorted(each, key=lambda each: place[each.name]))
            for model, each in summary.classes.items()
        },
        labels={
            split: {name: counts[name] for name in order}
            for split, counts in summary.labels.items()
        },
        # Those by length come first, as they are.
        slices=tuple(sorted(summary.slices, key=lambda each: labels.get(each.name, -1))),
    )


def concluded(summary: Summary, pushed_model: str | None, command: str) -> Summary:
    """Returns the summary of a run that has ended.

    Args:
      summary: What `summarize` returned.
      pushed_model: Folder to which Pusher pushed the winner, or None where it pushed nothing.
      command: The command that started the run; empty where that is not known.
    """
    is_pushed = pushed_model is not None
    found = dataclasses.replace(
        summary, pushed=is_pushed, pushed_model=pushed_model, command=command
    )
    return dataclasses.replace(found, headline=headline(found))


def settings(options: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Returns what the summary tells of a run's options.

    Args:
      options: By `dataset`, `preprocessing`, `frozen`, `fine_tuned` and `report` what
        `options.encode` made of `DatasetOptions`, `PreprocessingOptions`, both `TrainerOptions` and
        `ReportOptions`.
    """
    preprocessing, trainers = options["preprocessing"], (FROZEN, FINE_TUNED)
    return Settings(
        dataset=_dataset_name(options["dataset"]["name"]),
        sequence_length=preprocessing["sequence_length"],
        truncation=preprocessing["truncation"],
        class_weights=options[FINE_TUNED]["class_weights"],
        batch_size={model: options[model]["batch_size"] for model in trainers},
        price_per_hour=options["report"]["price_per_hour"],
        class_order=options["report"].get("class_order"),
    )


def _dataset_name(name: str) -> str:
    """Returns a data set's name; of a prepared one's folder, what lies above its version.

    Of a user's file, that is the file's name without the hash that `data.labelled` adds.

    >>> names = ("imdb_reviews/plain_text", "/data/mine/1.0.0")
    >>> [_dataset_name(name) for name in (*names, f"/d/text_file/films-{'0f' * 8}/1.0.0")]
    ['imdb_reviews/plain_text', 'mine', 'films']
    """
    path = pathlib.PurePosixPath(name)
    if not path.is_absolute() and "://" not in name:
        return name
    return re.sub(r"-[0-9a-f]{16}$", "", path.parent.name)


def _labels(
    duplicates: Mapping[str, Any] | None, comparison: Comparison
) -> dict[str, dict[str, int]]:
    """Returns the number of texts of each class that each split has, in the classes' order.

    Of which classes there are the evaluation tells, and how many texts DuplicateFinder has counted.
    """
    names = [each.name for each in next(iter(comparison.classes.values()), ())]
    if duplicates is None or not names:
        return {}
    counted = ("kept", "exact", "near") if duplicates["keep"] else ("kept",)
    return {
        split: {
            name: sum(fates.get(str(index), {}).get(kind, 0) for kind in counted)
            for index, name in enumerate(names)
        }
        for split, fates in duplicates["reviews"].items()
    }


def _yardstick(measured: Mapping[str, Any], comparison: Comparison) -> YardstickSummary:
    gain = {model: to_record(gains) for model, gains in comparison.gains.items()}
    summary: YardstickSummary = from_record(YardstickSummary, {**measured, "gain": gain})
    return summary


def _deciding(comparison: Comparison, test: ProductionComparison) -> Deciding:
    metric = comparison.metric
    measured = {
        FROZEN: comparison.frozen,
        FINE_TUNED: comparison.fine_tuned,
        **({} if comparison.yardstick is None else {YARDSTICK: comparison.yardstick}),
    }
    best = comparison.best_constant
    return Deciding(
        name=metric.name,
        title=metric.title,
        is_higher_better=metric.higher_is_better,
        is_percentage=metric.is_percentage,
        models={model: each[metric.name] for model, each in measured.items()},
        constant=comparison.majority_share if best is None else best,
        test=test.winner[metric.name],
    )


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
