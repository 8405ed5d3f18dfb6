"""Whether a winner may take the place of the model in production: one pure function."""

import dataclasses
import enum
import math

from etils import epath

from albert_tfx.contract import VERDICT_FILE
from albert_tfx.evaluation.measurements import (
    Interval,
    ProductionComparison,
    undefined_metrics,
)
from albert_tfx.evaluation.metrics import Metric
from albert_tfx.options import ProductionPolicy
from albert_tfx.release import constant, notation
from albert_tfx.storage import read_json


class Rule(enum.StrEnum):
    """What can decide: the first five let the winner pass, the others refuse it."""

    NOTHING_TO_REPLACE = "nothing_to_replace"
    ALREADY_SERVED = "already_served"
    PRODUCTION_UNDEFINED = "production_undefined"
    NOT_WORSE = "not_worse"
    LOSS_ALLOWED = "loss_allowed"
    WORSE = "worse"
    UNDEFINED = "undefined"
    MAJORITY = "majority"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether the winner may be pushed, as far as the model in production is concerned.

    Attributes:
      passed: Whether it may.
      rule: Which `Rule` decided.
      reason: The same in one sentence, with its numbers.
    """

    passed: bool
    rule: str
    reason: str


def load_verdict(blessing_uri: str) -> Verdict:
    """Reads the verdict out of the folder of a blessing that ProductionGate gave."""
    return Verdict(**read_json(epath.Path(blessing_uri) / VERDICT_FILE))


def judge(
    policy: ProductionPolicy, comparison: ProductionComparison, already_served: bool = False
) -> Verdict:
    """Decides whether the winner may replace the model in production.

    It is refused where it loses more than `policy.max_production_loss` of its metric on the same
    test reviews, by the value of the paired difference: when in doubt, the model in production
    stays. Where several trainings of both recipes are known, it is the recipes' difference: that of
    two models may be the seeds' alone. A rule by the upper bound would pass a series of retrains
    that are each worse by less than the test reviews can prove, and whose losses add up. A rule by
    the lower bound would refuse most good models, since a thousand reviews do not tell two models
    apart that differ by two points. The value is the best estimate there is; a model that passes by
    it is not expected to
    lose.

    A model that replaces none has to beat the same answer to every text, as on eval.

    Args:
      policy: The rules' bounds.
      comparison: Both models on the test reviews.
      already_served: Whether the two are the same model.
    """
    undefined = undefined_metrics(comparison.winner, comparison.metric)
    if undefined:
        reason = f"The new model is refused: its {', '.join(undefined)}."
        return Verdict(False, Rule.UNDEFINED, reason)
    if already_served:
        return Verdict(True, Rule.ALREADY_SERVED, "The new model is the one in production.")
    if comparison.production is None or comparison.gain is None:
        return _judge_the_first(policy.min_gain_over_majority, comparison)
    undefined = undefined_metrics(comparison.production, comparison.metric)
    if undefined:
        reason = f"The one in production has to go: its {', '.join(undefined)}."
        return Verdict(True, Rule.PRODUCTION_UNDEFINED, reason)
    if not math.isfinite(comparison.gain.value):
        reason = f"The new model is refused: its gain of {comparison.metric.title} is not defined."
        return Verdict(False, Rule.UNDEFINED, reason)
    return _compare(policy.max_production_loss, comparison.gain, comparison)


def _judge_the_first(margin: float, comparison: ProductionComparison) -> Verdict:
    metric, reached = comparison.metric, comparison.constant
    if reached is not None:
        value = comparison.winner[metric.guard.name]
        why = constant.objection(metric, value, reached, margin)
        if why is not None:
            return Verdict(False, Rule.MAJORITY, f"The new model is refused: on test {why}.")
    return Verdict(True, Rule.NOTHING_TO_REPLACE, "There is no other model in production yet.")


def _compare(allowed: float, gain: Interval, comparison: ProductionComparison) -> Verdict:
    against = _against(gain, comparison)
    if gain.value < -allowed:
        where = _below(-allowed, gain, comparison.metric)
        return Verdict(False, Rule.WORSE, f"The new model is refused, with {against}. {where}.")
    if gain.value < 0:
        reason = f"The new model seems worse, but no more than is allowed, with {against}."
        return Verdict(True, Rule.LOSS_ALLOWED, reason)
    return Verdict(True, Rule.NOT_WORSE, f"The new model seems no worse, with {against}.")


def _against(gain: Interval, comparison: ProductionComparison) -> str:
    metric = comparison.metric
    better = "" if metric.higher_is_better else "less "
    gained = notation.bounded_change(metric, gain)
    said = f"{gained} of {better}{metric.title} against the model in production"
    recipes = comparison.recipes
    if recipes is None:
        return said
    return (
        f"{said}, by {recipes.trainings} trainings of it and {recipes.trainings_in_production} of "
        f"that one, on the {recipes.examples:,} test texts that both answered"
    )


def _below(limit: float, gain: Interval, metric: Metric) -> str:
    """Returns whether the whole interval or the estimate alone is below the limit."""
    said = f"is below {notation.step(metric, limit)}"
    if gain.upper is not None and gain.upper < limit:
        return f"The whole interval, up to {notation.change(metric, gain.upper, limit)}, {said}"
    return f"The estimate, {notation.change(metric, gain.value, limit)}, {said}"
