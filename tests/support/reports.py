"""What a report is made of, without a run: two models that are right more or less often."""

import dataclasses
from typing import Any

import numpy as np

from albert_tfx.contract import FROZEN, YARDSTICK
from albert_tfx.data.lengths import ReviewLengths
from albert_tfx.evaluation import curves
from albert_tfx.evaluation.measurements import (
    Comparison,
    Disagreement,
    FlipRates,
    ProductionComparison,
    SliceComparison,
    compare_one,
    difference_interval,
    measure,
    measure_classes,
    paired_difference,
    proportion,
)
from albert_tfx.evaluation.metrics import METRICS, estimate
from albert_tfx.evaluation.model_cost import ModelCost
from albert_tfx.modeling.fitting import TrainingHistory
from albert_tfx.release.replacement import Verdict
from albert_tfx.release.selection import Decision
from albert_tfx.report import figures, findings
from albert_tfx.report import page as report_page
from albert_tfx.report.page import SourceArtifact
from albert_tfx.report.summary import Settings, Summary, to_record
from tests.support import data, summaries
from tests.support.summaries import ENCODER

COSTS = {
    "frozen": ModelCost(5_400_000, 0.0042, 0.0061),
    "fine_tuned": ModelCost(5_400_000, 0.0043, 0.0065),
}
WORDS = {split: ReviewLengths(12, 54, 210, 731) for split in ("train", "eval", "test")}
SLICES = ("length under 25 words", "length 25 to 49 words", "length 50 to 99 words", "label 1")
SOURCES = [
    SourceArtifact("evaluation", "Evaluator.comparison", "ModelEvaluation", 12, "Evaluator/12")
]
DISAGREEMENTS = [
    Disagreement(f"Not the film I had hoped for, number {each}.", "b", "a", 0.97, "b", 0.91)
    for each in range(30)
]


def history(model: str, accuracies: list[float], best_epoch: int) -> TrainingHistory:
    epochs = tuple(
        {"loss": 1 - a, "accuracy": a + 0.02, "val_loss": 1 - a, "val_accuracy": a}
        for a in accuracies
    )
    seconds, weights = (12.5, 8_450) if model == FROZEN else (310.0, 1_204_322)
    return TrainingHistory(
        model,
        epochs,
        best_epoch,
        seconds,
        weights,
        1_204_322,
        seed=1,
        learning_rate=1e-4,
        train_memory_bytes=312_500_000,
    )


HISTORIES = {
    "frozen": history("frozen", [0.62, 0.68, 0.71, 0.70], best_epoch=2),
    "fine_tuned": history("fine_tuned", [0.74, 0.79], best_epoch=1),
}


@dataclasses.dataclass(frozen=True)
class Findings:
    """What `page.render` and `figures.draw` take."""

    comparison: Comparison
    curves: dict
    summary: Summary

    def page(self, disagreements=DISAGREEMENTS, **changes) -> str:
        """Returns the page, with changes to the summary."""
        pictures = figures.draw(self.comparison, HISTORIES, self.curves)
        summary = dataclasses.replace(self.summary, **changes)
        return report_page.render(summary, pictures, self.curves, disagreements, SOURCES)


def make(classes: int = 2, reviews: int = 400, **others: Any) -> Findings:
    """Draws scores, and computes from them what the Evaluator would; `others` of the comparison."""
    scores = data.draw_scores(reviews, classes)
    comparison = dataclasses.replace(_compare(scores), **others)
    names = _names(classes)
    drawn = {name: _curves(scores, name, names) for name in HISTORIES}
    return Findings(comparison, drawn, summarize(comparison))


def make_with_yardstick(classes: int = 2, reviews: int = 400, skill: float = 1.6) -> Findings:
    """Does the same with a yardstick; the greater its skill, the more often it is right."""
    scores = data.draw_scores(reviews, classes)
    drawn = data.draw_scores(reviews, classes, frozen_skill=skill)
    answers = drawn.probabilities("frozen")
    names = _names(classes)
    models = {name: scores.probabilities(name) for name in HISTORIES} | {YARDSTICK: answers}
    comparison = dataclasses.replace(
        _compare(scores),
        classes={
            name: measure_classes(scores.labels, each, names) for name, each in models.items()
        },
        yardstick=measure(scores.labels, answers),
        gains={
            model: {
                name: compare_one(metric, scores.labels, scores.probabilities(model), answers)
                for name, metric in METRICS.items()
            }
            for model in HISTORIES
        },
    )
    curves_of = {name: _curves(scores, name, names) for name in HISTORIES}
    curves_of[YARDSTICK] = _curves(drawn, "frozen", names)
    measured = {
        **to_record(summaries.YARDSTICK),
        "eval": comparison.yardstick.record(),  # type: ignore[union-attr]
    }
    return Findings(comparison, curves_of, summarize(comparison, yardstick=measured))


def _names(classes: int) -> list[str]:
    return [chr(ord("a") + each) if classes < 27 else f"c{each}" for each in range(classes)]


def summarize(
    comparison: Comparison,
    yardstick: dict[str, Any] | None = None,
    settings: Settings | None = None,
) -> Summary:
    found = findings.summarize(
        decision=Decision(
            "fine_tuned", "fine_tuned", "sure_gain", "The fine-tuned encoder wins: it gains."
        ),
        comparison=comparison,
        histories=HISTORIES,
        test=ProductionComparison(comparison.fine_tuned, None, None),
        verdict=Verdict(True, "nothing_to_replace", "There is no other model in production yet."),
        production=None,
        examples={"train": 3_600, "eval": 400, "test": 1_200},
        duplicates=None,
        yardstick=yardstick,
        costs=COSTS,
        words=WORDS,
        encoder=ENCODER,
        settings=settings,
    )
    return findings.concluded(found, "/srv/output/serving/7", "python local_runner.py --seed 1")


def _compare(scores: data.Scores) -> Comparison:
    right = {name: scores.right(name) for name in HISTORIES}
    gained, lost = _discordant(right)
    estimates = {n: estimate(scores.labels, scores.probabilities(n)) for n in HISTORIES}
    frozen, fine_tuned = (measure(scores.labels, scores.probabilities(each)) for each in HISTORIES)
    reviews = len(scores.labels)
    return Comparison(
        frozen,
        fine_tuned,
        difference=paired_difference(gained, lost, reviews),
        majority_share=float(np.bincount(scores.labels).max() / reviews),
        slices=tuple(_slice(right, index) for index in range(len(SLICES))),
        differences={
            name: difference_interval(name, each, each.value, reviews)
            for name in estimates["frozen"]
            for each in [estimates["fine_tuned"][name] - estimates["frozen"][name]]
        },
        flip_rates=FlipRates(
            *(proportion(each / reviews, reviews) for each in (gained + lost, gained, lost))
        ),
    )


def _slice(right: dict, index: int) -> SliceComparison:
    part = {name: each[index :: len(SLICES)] for name, each in right.items()}
    reviews = len(part["frozen"])
    return SliceComparison(
        SLICES[index],
        reviews,
        proportion(part["frozen"].mean(), reviews),
        proportion(part["fine_tuned"].mean(), reviews),
        paired_difference(*_discordant(part), reviews),
    )


def _discordant(right: dict) -> tuple[int, int]:
    gained = int(((right["fine_tuned"] == 1) & (right["frozen"] == 0)).sum())
    lost = int(((right["fine_tuned"] == 0) & (right["frozen"] == 1)).sum())
    return gained, lost


def _curves(scores: data.Scores, name: str, names: list[str]) -> curves.Curves:
    answers = getattr(scores, name).argmax(axis=1)
    confusion = np.zeros((len(names), len(names)), np.int64)
    np.add.at(confusion, (scores.labels, answers), 1)
    return curves.draw(scores.labels, scores.probabilities(name), names, confusion)
