"""Every rule of the policy, with its numbers."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from albert_tfx.evaluation.measurements import (
    Comparison,
    Interval,
    ModelMetrics,
    SliceComparison,
    paired_difference,
    proportion,
)
from albert_tfx.evaluation.metrics import deciding
from albert_tfx.options import SelectionPolicy
from albert_tfx.release.selection import Answer, Decision, Rule, answer, select

EXAMPLES = 1000
METRICS = ("accuracy", "auc", "log_loss")
MINUS = "\N{MINUS SIGN}"


def metrics(accuracy: float, auc: float = 0.9, log_loss: float = 0.4) -> ModelMetrics:
    values = {"accuracy": accuracy, "auc": auc, "log_loss": log_loss}
    return ModelMetrics(EXAMPLES, {name: Interval(each) for name, each in values.items()})


def changed(model: ModelMetrics, metric: str, value: Interval) -> ModelMetrics:
    return ModelMetrics(model.examples, {**model.intervals, metric: value})


def compare(
    frozen: float, fine_tuned: float, margin: float | None = 0.01, /, **others: Any
) -> Comparison:
    """Compares two accuracies whose difference is known to within `margin`."""
    value = fine_tuned - frozen
    bounds = () if margin is None else (value - margin, value + margin)
    comparison = Comparison(metrics(frozen), metrics(fine_tuned), Interval(value, *bounds), 0.5)
    return dataclasses.replace(comparison, **others)


def decide(comparison: Comparison, **policy: Any) -> Decision:
    return select(SelectionPolicy(**policy), comparison)


def slice_of(loss: float, examples: int = 200, margin: float = 0.02) -> SliceComparison:
    """Returns the long reviews, on which fine-tuning loses as much, to within `margin`."""
    difference = Interval(-loss, -loss - margin, -loss + margin)
    return SliceComparison("long reviews", examples, Interval(0.8), Interval(0.8), difference)


def test_sure_gain_wins():
    decision = decide(compare(0.80, 0.85))
    assert decision.winner == decision.selected == "fine_tuned"
    assert decision.rule == Rule.SURE_GAIN
    assert decision.reason == (
        "The fine-tuned encoder wins: fine-tuning changes accuracy by +5.0 points (+4.0 to +6.0), "
        "whose lower bound, +4.0, exceeds 0."
    )


def test_gain_that_may_be_chance_loses():
    decision = decide(compare(0.80, 0.805))
    assert decision.winner == decision.selected == "frozen"
    assert decision.rule == Rule.NO_SURE_GAIN
    assert (
        f"({MINUS}0.5 to +1.5), whose lower bound, {MINUS}0.5, does not exceed 0" in decision.reason
    )


def test_value_decides_where_no_interval_is_known():
    assert decide(compare(0.80, 0.805, None)).winner == "fine_tuned"
    assert decide(compare(0.80, 0.795, None)).winner == "frozen"


@pytest.mark.parametrize("margin", [None, 0.01])
def test_tie_goes_to_frozen(margin):
    decision = decide(compare(0.8, 0.8, margin))
    assert (decision.winner, decision.rule) == ("frozen", Rule.NO_SURE_GAIN)


def test_gain_of_exactly_the_least_gain_loses():
    comparison = compare(0.75, 0.875, None)
    assert decide(comparison, min_gain=0.125).winner == "frozen"
    assert decide(comparison, min_gain=0.124).winner == "fine_tuned"


def test_better_overall_but_worse_on_long_reviews_loses():
    decision = decide(compare(0.80, 0.85, slices=(slice_of(-0.1), slice_of(0.12))))
    assert decision.winner == decision.selected == "frozen"
    assert decision.rule == Rule.SLICE_LOSS
    assert decision.reason == (
        "The frozen encoder wins: fine-tuning changes accuracy by +5.0 points (+4.0 to +6.0) "
        f"overall, but on the 200 texts of long reviews by {MINUS}12.0 points ({MINUS}14.0 to "
        f"{MINUS}10.0), whose upper bound, {MINUS}10.0, is below {MINUS}5 points."
    )


def test_loss_on_a_slice_that_may_be_chance_does_not_count():
    unsure = slice_of(0.12, margin=0.08)
    assert decide(compare(0.80, 0.85, slices=(unsure,))).winner == "fine_tuned"


def test_loss_on_a_slice_counts_from_the_stated_amount_on():
    comparison = compare(0.80, 0.85, slices=(slice_of(0.25, margin=0.125),))
    assert decide(comparison, max_slice_loss=0.125).winner == "fine_tuned"
    assert decide(comparison, max_slice_loss=0.124).winner == "frozen"


@pytest.mark.parametrize("examples", [7, 29, 200])
def test_a_rare_class_is_protected_as_any_other(examples):
    """From 0.75 of recall to 0: however few texts, the interval is on the side of a loss."""
    lost = paired_difference(0, round(0.75 * examples), examples)
    rare = dataclasses.replace(slice_of(0), examples=examples, difference=lost)
    decision = decide(compare(0.80, 0.85, slices=(rare,)))
    assert (decision.winner, decision.rule) == ("frozen", Rule.SLICE_LOSS)


def test_slices_of_few_reviews_can_be_left_out():
    comparison = compare(0.80, 0.85, slices=(slice_of(0.5, examples=29),))
    assert decide(comparison, min_slice_examples=30).winner == "fine_tuned"
    assert decide(comparison, min_slice_examples=29).winner == "frozen"


def test_undefined_slice_does_not_count():
    undefined = dataclasses.replace(slice_of(0), difference=Interval(math.nan))
    assert decide(compare(0.80, 0.85, slices=(undefined,))).winner == "fine_tuned"


def test_the_slice_with_the_largest_loss_is_named():
    slices = slice_of(0.2, 100), slice_of(0.3, 101), slice_of(0.25, 102)
    assert "on the 101 texts" in decide(compare(0.80, 0.85, slices=slices)).reason


@pytest.mark.parametrize(("frozen", "fine_tuned"), [(0.7, 0.8), (0.8, 0.7)])
def test_below_the_floor_nothing_wins_but_the_better_leads(frozen, fine_tuned):
    decision = decide(compare(frozen, fine_tuned), min_accuracy=0.81)
    assert (decision.winner, decision.rule) == (None, Rule.MIN_ACCURACY)
    assert decision.selected == ("fine_tuned" if fine_tuned > frozen else "frozen")
    assert "its accuracy, 80.0%, is below 81%" in decision.reason


def test_on_the_floor_is_good_enough():
    assert decide(compare(0.7, 0.8), min_accuracy=0.8, min_auc=0.9).winner == "fine_tuned"


def test_auc_has_a_floor_of_its_own():
    decision = decide(compare(0.7, 0.8), min_auc=0.91)
    assert (decision.winner, decision.rule) == (None, Rule.MIN_AUC)
    assert "its AUC, 0.900, is below 0.91" in decision.reason


def test_model_no_better_than_the_majority_class_is_refused():
    decision = decide(compare(0.8, 0.8, majority_share=0.8))
    assert (decision.winner, decision.rule) == (None, Rule.MAJORITY)
    assert "most frequent class gives, 80.0%" in decision.reason
    assert decide(compare(0.8, 0.801, majority_share=0.7999)).winner == "frozen"


def test_model_that_may_be_no_better_than_the_majority_class_is_refused():
    unsure = changed(metrics(0.55), "accuracy", proportion(0.55, 100))
    decision = decide(compare(0.5, 0.55, fine_tuned=unsure))
    assert (decision.winner, decision.rule) == (None, Rule.MAJORITY)
    assert "(45.2% to 64.4%), whose lower bound, 45.2%, does not exceed what" in decision.reason
    sure = changed(unsure, "accuracy", proportion(0.55, 1000))
    assert decide(compare(0.5, 0.55, fine_tuned=sure)).winner == "fine_tuned"


def test_majority_class_must_be_exceeded_by_the_asked_margin():
    comparison = compare(0.75, 0.75)
    assert decide(comparison, min_gain_over_majority=0.25).winner is None
    assert decide(comparison, min_gain_over_majority=0.24).winner == "frozen"


def test_inverted_models_are_refused():
    decision = decide(compare(0.05, 0.1))
    assert (decision.selected, decision.winner) == ("fine_tuned", None)
    assert decision.rule == Rule.MAJORITY


def broken(model: ModelMetrics, metric: str, value: float) -> ModelMetrics:
    return changed(model, metric, Interval(value))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(("model", "healthy"), [("frozen", "fine_tuned"), ("fine_tuned", "frozen")])
def test_diverged_model_leaves_a_healthy_one_to_be_served(model, healthy, metric, value):
    comparison = compare(0.8, 0.8, difference=Interval(math.nan))
    diverged: Any = broken(getattr(comparison, model), metric, value)
    decision = decide(dataclasses.replace(comparison, **{model: diverged}))
    assert decision.winner == decision.selected == healthy
    assert decision.rule == Rule.ONLY_DEFINED
    name = metric.replace("_", " ").replace("auc", "AUC")
    names = {"frozen": "the frozen encoder", "fine_tuned": "the fine-tuned encoder"}
    assert decision.reason == (
        f"{names[healthy].capitalize()} wins: {names[model]} has diverged, as its {name} is "
        f"{'undefined' if math.isnan(value) else 'infinite'}."
    )


@pytest.mark.parametrize("diverged", ["frozen", "fine_tuned"])
def test_healthy_model_beside_a_diverged_one_must_still_be_good_enough(diverged):
    comparison = compare(0.5, 0.5)
    nan: Any = broken(getattr(comparison, diverged), "log_loss", math.nan)
    decision = decide(dataclasses.replace(comparison, **{diverged: nan}))
    assert (decision.winner, decision.rule) == (None, Rule.MAJORITY)
    assert decision.selected != diverged


def test_two_diverged_models_are_refused():
    diverged = broken(metrics(0.8), "log_loss", math.nan)
    decision = decide(compare(0.8, 0.9, frozen=diverged, fine_tuned=diverged))
    assert (decision.winner, decision.rule) == (None, Rule.UNDEFINED)
    assert decision.reason == (
        "Neither model is pushed: the frozen encoder's log loss is undefined."
    )


@pytest.mark.parametrize(
    ("undefined", "named"),
    [
        ({"difference": Interval(math.nan)}, "the accuracy difference is undefined"),
        ({"majority_share": math.nan}, "the majority class's share is undefined"),
    ],
)
def test_undefined_comparison_is_refused(undefined, named):
    decision = decide(compare(0.8, 0.9, **undefined))
    assert (decision.winner, decision.rule) == (None, Rule.UNDEFINED)
    assert decision.reason == f"Neither model is pushed: {named}."


@pytest.mark.parametrize("gained", range(0, 200, 20))
@pytest.mark.parametrize("lost", range(0, 200, 20))
def test_swapping_the_models_never_lets_both_or_a_loser_be_fine_tuned(gained, lost):
    def winner(gained: int, lost: int) -> str | None:
        accuracies = (600 + lost) / EXAMPLES, (600 + gained) / EXAMPLES
        difference = paired_difference(gained, lost, EXAMPLES)
        return decide(compare(*accuracies, difference=difference)).winner

    winners = winner(gained, lost), winner(lost, gained)
    assert set(winners) <= {"frozen", "fine_tuned"}
    assert winners != ("fine_tuned", "fine_tuned")
    if winners[0] == "fine_tuned":
        assert gained > lost


DRAWS = 20_000


def drawn(random: np.random.Generator) -> Comparison:
    """Returns a comparison of any numbers, some of them NaN, infinite or missing."""

    def number(low: float, high: float) -> float:
        odd = (math.nan, math.inf, -math.inf)
        return float(random.choice(odd) if random.random() < 0.05 else random.uniform(low, high))

    frozen, fine_tuned = (
        metrics(number(0, 1), number(0, 1), number(0, 2)) for _ in range(len(METRICS) - 1)
    )
    value, margin = number(-0.5, 0.5), None if random.random() < 0.1 else random.uniform(0, 0.2)
    bounds = () if margin is None else (value - margin, value + margin)
    slices = tuple(slice_of(number(-0.2, 0.3)) for _ in range(random.integers(3)))
    return Comparison(frozen, fine_tuned, Interval(value, *bounds), number(0, 1), slices)


def better(comparison: Comparison, by: float) -> Comparison:
    """Returns a comparison in which fine-tuning gains more, overall and on each slice."""

    def raised(interval: Interval) -> Interval:
        bounds = (interval.lower, interval.upper)
        return Interval(interval.value + by, *(each and each + by for each in bounds))

    fine_tuned = comparison.fine_tuned
    accuracy = Interval(fine_tuned.accuracy.value + by)
    slices = (
        dataclasses.replace(each, difference=raised(each.difference)) for each in comparison.slices
    )
    return dataclasses.replace(
        comparison,
        fine_tuned=changed(fine_tuned, "accuracy", accuracy),
        difference=raised(comparison.difference),
        slices=tuple(slices),
    )


def test_of_any_numbers_none_is_pushed_that_is_not_finite_and_more_gain_never_loses():
    random, pushed, odd = np.random.default_rng(7), 0, 0
    for _ in range(DRAWS):
        comparison = drawn(random)
        decision = decide(comparison, min_accuracy=0.3, min_auc=0.2)
        winner = {"frozen": comparison.frozen, "fine_tuned": comparison.fine_tuned}.get(
            decision.winner or ""
        )
        pushed += winner is not None
        odd += bool(comparison.frozen.undefined or comparison.fine_tuned.undefined)
        if winner is not None:
            assert not winner.undefined
            assert math.isfinite(comparison.majority_share)
        if decision.winner == "fine_tuned":
            more = decide(better(comparison, 0.05), min_accuracy=0.3, min_auc=0.2)
            assert more.winner == "fine_tuned"
    assert pushed > DRAWS / 10
    assert odd > DRAWS / 10


def over_yardstick(frozen: Interval, fine_tuned: Interval, **others: Any) -> Comparison:
    """Compares the models, of which fine-tuned gains, and each with the yardstick."""
    gains = {"frozen": {"accuracy": frozen}, "fine_tuned": {"accuracy": fine_tuned}}
    return compare(0.8, 0.85, gains=gains, **others)


CLEAR, UNCLEAR, LOSS = (
    Interval(0.05, 0.03, 0.07),
    Interval(0.01, -0.01, 0.03),
    Interval(-0.05, -0.07, -0.03),
)
NO_GAIN = Interval(0.005, -0.005, 0.015)


@pytest.mark.parametrize(
    ("difference", "frozen", "fine_tuned", "expected"),
    [
        (CLEAR, UNCLEAR, CLEAR, Answer.FINE_TUNED),
        (CLEAR, LOSS, CLEAR, Answer.FINE_TUNED),
        (NO_GAIN, CLEAR, CLEAR, Answer.FROZEN),
        (NO_GAIN, UNCLEAR, CLEAR, Answer.FROZEN),
        (CLEAR, LOSS, UNCLEAR, Answer.NEITHER),
        (CLEAR, LOSS, LOSS, Answer.NEITHER),
        (NO_GAIN, UNCLEAR, UNCLEAR, Answer.NEITHER),
        (CLEAR, LOSS, Interval(math.nan), Answer.NEITHER),
    ],
)
def test_the_answer_is_the_cheapest_that_no_other_clearly_beats(
    difference, frozen, fine_tuned, expected
):
    comparison = over_yardstick(frozen, fine_tuned, difference=difference)
    assert answer(decide(comparison), comparison) == expected


def test_without_a_yardstick_the_policy_answers():
    comparison = compare(0.8, 0.85)
    assert answer(decide(comparison), comparison) == Answer.FINE_TUNED
    assert answer(decide(comparison, min_gain=0.1), comparison) == Answer.FROZEN


def test_what_may_not_be_served_is_no_answer():
    comparison = over_yardstick(CLEAR, CLEAR)
    assert answer(decide(comparison, min_accuracy=0.9), comparison) == Answer.NEITHER


def test_a_winner_that_gains_too_little_over_the_yardstick_is_refused_where_that_is_asked():
    comparison = over_yardstick(CLEAR, Interval(0.01, -0.01, 0.03))
    assert decide(comparison).winner == "fine_tuned"
    decision = decide(comparison, min_gain_over_yardstick=0.0)
    assert (decision.selected, decision.winner) == ("fine_tuned", None)
    assert decision.rule == Rule.YARDSTICK
    assert decision.reason == (
        "Neither model is pushed: the fine-tuned encoder is preferred, but compared with TF-IDF it "
        f"changes accuracy by +1.0 points ({MINUS}1.0 to +3.0), whose lower bound, {MINUS}1.0, "
        "does not exceed 0."
    )
    assert decide(over_yardstick(LOSS, CLEAR), min_gain_over_yardstick=0.02).winner is not None
    assert decide(over_yardstick(LOSS, CLEAR), min_gain_over_yardstick=0.03).winner is None


def with_candidate(frozen: Interval, fine_tuned: Interval, **others: Any) -> Comparison:
    """Does what `over_yardstick` does, with the yardstick's own metrics."""
    return over_yardstick(frozen, fine_tuned, yardstick=metrics(0.82), **others)


@pytest.mark.parametrize(
    ("difference", "frozen", "fine_tuned", "winner"),
    [
        (CLEAR, UNCLEAR, CLEAR, "fine_tuned"),
        (NO_GAIN, CLEAR, CLEAR, "frozen"),
        (NO_GAIN, UNCLEAR, CLEAR, "frozen"),
        (CLEAR, LOSS, UNCLEAR, "yardstick"),
        (CLEAR, LOSS, LOSS, "yardstick"),
        (NO_GAIN, UNCLEAR, UNCLEAR, "yardstick"),
        (Interval(math.nan), Interval(math.nan), Interval(math.nan), "yardstick"),
    ],
)
def test_the_yardstick_wins_where_it_may_and_no_model_clearly_gains_over_it(
    difference, frozen, fine_tuned, winner
):
    comparison = with_candidate(frozen, fine_tuned, difference=difference)
    decision = decide(comparison, candidates="all")
    assert decision.winner == decision.selected == winner
    assert (decision.rule == Rule.YARDSTICK_NOT_BEATEN) is (winner == "yardstick")
    assert (answer(decision, comparison) == Answer.NEITHER) is (winner == "yardstick")
    assert decide(comparison).selected != "yardstick"


def test_the_yardstick_is_preferred_by_the_bounds_of_the_policy():
    comparison = with_candidate(LOSS, CLEAR)
    decision = decide(comparison, candidates="all", min_gain=0.035)
    assert decision.reason == (
        "TF-IDF wins: the fine-tuned encoder, compared with it, changes accuracy by +5.0 points "
        "(+3.0 to +7.0), whose lower bound, +3.0, does not exceed 3.5 points."
    )
    assert answer(decision, comparison) == Answer.NEITHER
    lost = dataclasses.replace(slice_of(0), gains={"frozen": LOSS, "fine_tuned": Interval(-0.2)})
    decision = decide(with_candidate(LOSS, CLEAR, slices=(lost,)), candidates="all")
    assert (decision.winner, decision.rule) == ("yardstick", Rule.YARDSTICK_NOT_BEATEN)
    assert f"overall, but on the 200 texts of long reviews by {MINUS}20.0 points" in decision.reason


def test_the_yardstick_has_to_reach_the_floors_as_well():
    comparison = with_candidate(LOSS, LOSS)
    assert decide(comparison, candidates="all", min_accuracy=0.82).winner == "yardstick"
    refused = decide(comparison, candidates="all", min_accuracy=0.83)
    assert (refused.selected, refused.winner) == ("yardstick", None)
    assert refused.rule == Rule.MIN_ACCURACY
    beaten_by_chance = with_candidate(LOSS, LOSS, majority_share=0.82)
    assert decide(beaten_by_chance, candidates="all").rule == Rule.MAJORITY


def by(choice: str, frozen: float, fine_tuned: float, difference: Interval, constant: float):
    """Compares two models that differ in one metric only."""
    metric = deciding(choice, ("neg", "pos"))
    return Comparison(
        changed(metrics(0.8), metric.name, Interval(frozen)),
        changed(metrics(0.8), metric.name, Interval(fine_tuned)),
        Interval(0.0, -0.01, 0.01),
        0.5,
        differences={metric.name: difference},
        metric=metric,
        best_constant=constant,
    )


@pytest.mark.parametrize(
    ("choice", "frozen", "fine_tuned", "difference", "constant", "words"),
    [
        ("macro_f1", 0.6, 0.7, Interval(0.1, 0.05, 0.15), 0.33, "changes macro F1 by +10.0 points"),
        (
            "log_loss",
            0.5,
            0.4,
            Interval(-0.1, -0.15, -0.05),
            0.69,
            "lowers log loss by +0.100 (+0.050 to +0.150)",
        ),
        ("recall:pos", 0.6, 0.7, Interval(0.1, 0.05, 0.15), 0.5, "changes recall of pos by"),
    ],
)
def test_another_metric_decides(choice, frozen, fine_tuned, difference, constant, words):
    comparison = by(choice, frozen, fine_tuned, difference, constant)
    if choice == "recall:pos":
        balanced = {"recall": Interval(0.8)}
        models = {
            name: dataclasses.replace(each, intervals={**each.intervals, **balanced})
            for name, each in (
                ("frozen", comparison.frozen),
                ("fine_tuned", comparison.fine_tuned),
            )
        }
        comparison = dataclasses.replace(comparison, **models)
    decision = decide(comparison, metric=choice)
    assert (decision.winner, decision.metric) == ("fine_tuned", choice)
    assert words in decision.reason
    reverse = dataclasses.replace(comparison, differences={comparison.metric.name: -difference})
    assert decide(reverse, metric=choice).winner == "frozen"


def test_a_log_loss_no_lower_than_that_of_the_classes_shares_is_refused():
    comparison = by("log_loss", 0.7, 0.68, Interval(-0.02, -0.03, -0.01), 0.69)
    unsure = changed(metrics(0.8), "log_loss", Interval(0.68, 0.66, 0.70))
    decision = decide(dataclasses.replace(comparison, fine_tuned=unsure), metric="log_loss")
    assert (decision.winner, decision.rule) == (None, Rule.MAJORITY)
    assert "whose upper bound, 0.700, does not go below what" in decision.reason


def test_always_giving_a_class_is_no_good_recall_of_it():
    """Which is perfect: the balanced accuracy tells."""
    comparison = by("recall:pos", 0.6, 1.0, Interval(0.4, 0.3, 0.5), 0.5)
    constant = changed(comparison.fine_tuned, "recall", Interval(0.5))
    decision = decide(dataclasses.replace(comparison, fine_tuned=constant), metric="recall:pos")
    assert (decision.winner, decision.rule) == (None, Rule.MAJORITY)
    assert "its balanced accuracy is 50.0%" in decision.reason


@pytest.mark.parametrize(
    ("choice", "worst", "winner"),
    [("macro_f1", 0.7, "fine_tuned"), ("macro_f1", 0.71, None), ("log_loss", 0.69, None)],
)
def test_the_metric_has_a_floor_of_its_own(choice, worst, winner):
    sign = -1 if choice == "log_loss" else 1
    comparison = by(choice, 0.6, 0.7, Interval(sign * 0.1), 0.33 if sign > 0 else 0.9)
    decision = decide(comparison, metric=choice, worst_metric=worst)
    assert decision.winner == winner
    assert winner or decision.rule == Rule.WORST_METRIC


def test_a_slice_is_judged_by_the_metric_that_decides_there():
    comparison = by("log_loss", 0.5, 0.4, Interval(-0.1, -0.15, -0.05), 0.69)
    worse = dataclasses.replace(slice_of(-0.2), metric="log_loss", change=Interval(0.3, 0.2, 0.4))
    decision = decide(dataclasses.replace(comparison, slices=(worse,)), metric="log_loss")
    assert (decision.winner, decision.rule) == ("frozen", Rule.SLICE_LOSS)
    assert (
        f"{MINUS}0.300 ({MINUS}0.400 to {MINUS}0.200), whose upper bound, {MINUS}0.200, is below "
        f"{MINUS}0.05"
    ) in decision.reason
