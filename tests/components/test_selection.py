"""Every rule of the policy, with its numbers."""

import dataclasses
import math

import pytest

from components.measurements import Interval, ModelMetrics, paired_difference
from components.options import SelectionPolicy
from components.selection import Decision, select

EXAMPLES = 1000


def metrics(accuracy: float, auc: float = 0.9, log_loss: float = 0.4) -> ModelMetrics:
    return ModelMetrics(Interval(accuracy), auc, log_loss, EXAMPLES)


def decide(
    frozen: float,
    fine_tuned: float,
    margin: float | None = 0.01,
    majority_share: float = 0.5,
    **policy: float,
) -> Decision:
    """Decides on two accuracies whose difference is known to within `margin`."""
    value = fine_tuned - frozen
    bounds = () if margin is None else (value - margin, value + margin)
    return select(
        SelectionPolicy(**policy),
        metrics(frozen),
        metrics(fine_tuned),
        Interval(value, *bounds),
        majority_share,
    )


def test_sure_gain_wins():
    decision = decide(0.80, 0.85)
    assert decision.winner == decision.selected == "fine_tuned"
    assert decision.reason == (
        "fine_tuned wins: the lower bound of the accuracy that fine-tuning gains, "
        "+0.0500 (+0.0400 to +0.0600), exceeds 0."
    )


def test_gain_that_may_be_chance_loses():
    decision = decide(0.80, 0.805)
    assert decision.winner == decision.selected == "frozen"
    assert "+0.0050 (-0.0050 to +0.0150), does not exceed 0" in decision.reason


def test_value_decides_where_no_interval_is_known():
    assert decide(0.80, 0.805, margin=None).winner == "fine_tuned"
    assert decide(0.80, 0.795, margin=None).winner == "frozen"


def test_tie_goes_to_frozen():
    assert decide(0.8, 0.8, margin=None).winner == "frozen"
    assert decide(0.8, 0.8).winner == "frozen"


def test_gain_of_exactly_the_least_gain_loses():
    assert decide(0.75, 0.875, margin=None, min_gain=0.125).winner == "frozen"
    assert decide(0.75, 0.875, margin=None, min_gain=0.124).winner == "fine_tuned"


@pytest.mark.parametrize(("frozen", "fine_tuned"), [(0.7, 0.8), (0.8, 0.7)])
def test_below_the_floor_nothing_wins_but_the_better_leads(frozen, fine_tuned):
    decision = decide(frozen, fine_tuned, min_accuracy=0.81)
    assert decision.winner is None
    assert decision.selected == ("fine_tuned" if fine_tuned > frozen else "frozen")
    assert "0.8000 is below 0.81" in decision.reason


def test_on_the_floor_is_good_enough():
    assert decide(0.7, 0.8, min_accuracy=0.8).winner == "fine_tuned"


def test_model_no_better_than_the_majority_class_is_refused():
    decision = decide(0.8, 0.8, majority_share=0.8)
    assert decision.winner is None
    assert "most frequent class gives, 0.8000" in decision.reason
    assert decide(0.8, 0.801, majority_share=0.7999).winner == "frozen"


def test_majority_class_must_be_exceeded_by_the_asked_margin():
    assert decide(0.75, 0.75, majority_share=0.5, min_gain_over_majority=0.25).winner is None
    assert decide(0.75, 0.75, majority_share=0.5, min_gain_over_majority=0.24).winner == "frozen"


def test_inverted_models_are_refused():
    decision = decide(0.05, 0.1)
    assert decision.winner is None
    assert decision.selected == "fine_tuned"


@pytest.mark.parametrize("model", ["frozen", "fine_tuned"])
@pytest.mark.parametrize("metric", ["accuracy", "auc", "log_loss"])
def test_undefined_metric_of_either_model_voids_the_comparison(model, metric):
    value = Interval(math.nan) if metric == "accuracy" else math.nan
    models = {"frozen": metrics(0.8), "fine_tuned": metrics(0.9)}
    models[model] = dataclasses.replace(models[model], **{metric: value})
    decision = select(SelectionPolicy(), **models, difference=Interval(0.1), majority_share=0.5)
    assert decision.winner is None
    assert f"{model} {metric.replace('_', ' ').replace('auc', 'AUC')} is nan" in decision.reason


@pytest.mark.parametrize("name", ["difference", "majority_share"])
def test_undefined_comparison_is_refused(name):
    measured = {"difference": Interval(0.1), "majority_share": 0.5}
    measured[name] = Interval(math.nan) if name == "difference" else math.nan
    decision = select(SelectionPolicy(), metrics(0.8), metrics(0.9), **measured)
    assert decision.winner is None
    assert decision.reason.endswith("so the comparison is void.")


@pytest.mark.parametrize("gained", range(0, 200, 20))
@pytest.mark.parametrize("lost", range(0, 200, 20))
def test_swapping_the_models_never_lets_both_or_a_loser_be_fine_tuned(gained, lost):
    def winner(gained: int, lost: int) -> str | None:
        accuracies = (600 + lost) / EXAMPLES, (600 + gained) / EXAMPLES
        return select(
            SelectionPolicy(),
            *map(metrics, accuracies),
            paired_difference(gained, lost, EXAMPLES),
            0.5,
        ).winner

    winners = winner(gained, lost), winner(lost, gained)
    assert set(winners) <= {"frozen", "fine_tuned"}
    assert winners != ("fine_tuned", "fine_tuned")
    if winners[0] == "fine_tuned":
        assert gained > lost
