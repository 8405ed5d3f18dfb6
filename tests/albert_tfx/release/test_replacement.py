"""Every rule of the gate, with its numbers."""

import math
from typing import Any

import pytest

from albert_tfx.evaluation.measurements import (
    Interval,
    ModelMetrics,
    ProductionComparison,
    paired_difference,
    proportion,
)
from albert_tfx.options import ProductionPolicy
from albert_tfx.release.replacement import Rule, Verdict, judge

HEALTHY = ModelMetrics(
    1000, {"accuracy": Interval(0.8), "auc": Interval(0.9), "log_loss": Interval(0.4)}
)
DIVERGED = ModelMetrics(1000, {**HEALTHY.intervals, "log_loss": Interval(math.nan)})


def decide(gained: int, lost: int, **policy: Any) -> Verdict:
    difference = paired_difference(gained, lost, 1000)
    return judge(ProductionPolicy(**policy), ProductionComparison(HEALTHY, HEALTHY, difference))


def test_nothing_to_replace_lets_pass():
    verdict = judge(ProductionPolicy(), ProductionComparison(HEALTHY))
    assert (verdict.passed, verdict.rule) == (True, Rule.NOTHING_TO_REPLACE)


def first(right: int, texts: int, constant: float | None, **policy: Any) -> Verdict:
    """Judges a model that answers so many texts rightly, and replaces none."""
    intervals = {**HEALTHY.intervals, "accuracy": proportion(right / texts, texts)}
    comparison = ProductionComparison(ModelMetrics(texts, intervals), constant=constant)
    return judge(ProductionPolicy(**policy), comparison)


def test_the_first_model_has_to_be_surely_better_than_the_same_answer_to_every_text():
    assert first(600, 1000, 0.5).rule == Rule.NOTHING_TO_REPLACE
    verdict = first(520, 1000, 0.5)
    assert (verdict.passed, verdict.rule) == (False, Rule.MAJORITY)
    assert verdict.reason == (
        "The new model is refused: on test its accuracy is 52.0% (48.9% to 55.1%), whose lower "
        "bound, 48.9%, does not exceed what always answering the most frequent class gives, 50.0%."
    )
    assert first(520, 1000, None).rule == Rule.NOTHING_TO_REPLACE
    assert first(600, 1000, 0.5, min_gain_over_majority=0.1).rule == Rule.MAJORITY


def test_a_model_that_replaces_another_is_held_against_that_one_alone():
    difference = paired_difference(60, 20, 1000)
    comparison = ProductionComparison(HEALTHY, HEALTHY, difference, constant=0.99)
    assert judge(ProductionPolicy(), comparison).rule == Rule.NOT_WORSE


@pytest.mark.parametrize(("gained", "lost"), [(60, 20), (21, 20), (0, 0), (20, 20)])
def test_better_model_and_tie_pass(gained, lost):
    verdict = decide(gained, lost)
    assert (verdict.passed, verdict.rule) == (True, Rule.NOT_WORSE)


def test_model_whose_interval_is_below_zero_is_refused():
    verdict = decide(20, 60)
    assert (verdict.passed, verdict.rule) == (False, Rule.WORSE)
    assert verdict.reason == (
        "The new model is refused, with \N{MINUS SIGN}4.0 points (\N{MINUS SIGN}5.7 to "
        "\N{MINUS SIGN}2.2) of accuracy against the model in production. The whole interval, up to "
        "\N{MINUS SIGN}2.2 points, is below 0."
    )


def test_model_whose_value_alone_is_below_zero_is_refused():
    verdict = decide(20, 21)
    assert (verdict.passed, verdict.rule) == (False, Rule.WORSE)
    assert verdict.reason.endswith("The estimate, \N{MINUS SIGN}0.1 points, is below 0.")


def test_a_gain_that_is_no_number_is_refused():
    comparison = ProductionComparison(HEALTHY, HEALTHY, Interval(math.nan))
    verdict = judge(ProductionPolicy(), comparison)
    assert (verdict.passed, verdict.rule) == (False, Rule.UNDEFINED)


def test_loss_passes_up_to_the_allowed_one():
    verdict = decide(0, 125, max_production_loss=0.125)
    assert (verdict.passed, verdict.rule) == (True, Rule.LOSS_ALLOWED)
    assert decide(0, 126, max_production_loss=0.125).rule == Rule.WORSE


def test_retrains_that_are_each_a_little_worse_cannot_add_up():
    """As they would if only a model whose whole interval is below zero were refused."""
    assert not any(decide(20, 20 + loss).passed for loss in range(1, 40))


def test_diverged_model_is_refused_even_where_nothing_is_in_production():
    for comparison in (
        ProductionComparison(DIVERGED),
        ProductionComparison(DIVERGED, HEALTHY, Interval(0.1)),
    ):
        verdict = judge(ProductionPolicy(), comparison)
        assert (verdict.passed, verdict.rule) == (False, Rule.UNDEFINED)
        assert verdict.reason == "The new model is refused: its log loss is undefined."


def test_diverged_model_in_production_is_replaced():
    comparison = ProductionComparison(HEALTHY, DIVERGED, Interval(-0.1))
    verdict = judge(ProductionPolicy(), comparison)
    assert (verdict.passed, verdict.rule) == (True, Rule.PRODUCTION_UNDEFINED)
    assert "its log loss is undefined" in verdict.reason


def test_model_is_not_compared_with_itself_as_if_that_were_news():
    comparison = ProductionComparison(HEALTHY, HEALTHY, paired_difference(0, 0, 1000))
    verdict = judge(ProductionPolicy(), comparison, already_served=True)
    assert (verdict.passed, verdict.rule) == (True, Rule.ALREADY_SERVED)
