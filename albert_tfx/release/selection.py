"""The policy that picks the winner: one pure function, which nothing but numbers enters."""

import dataclasses
import enum
import math
from collections.abc import Callable

from etils import epath

from albert_tfx.contract import ALL_NAMES, DECISION_FILE, FINE_TUNED, FROZEN, YARDSTICK
from albert_tfx.evaluation.measurements import (
    Comparison,
    Interval,
    ModelMetrics,
    SliceComparison,
    improvement,
    undefined_metrics,
)
from albert_tfx.evaluation.metrics import ACCURACY, AUC, Metric
from albert_tfx.options import ALL_CANDIDATES, SelectionPolicy
from albert_tfx.release import constant, notation
from albert_tfx.storage import read_json


class Rule(enum.StrEnum):
    """What can decide: the first five name a winner, the others refuse every model."""

    SURE_GAIN = "sure_gain"
    NO_SURE_GAIN = "no_sure_gain"
    SLICE_LOSS = "slice_loss"
    ONLY_DEFINED = "only_defined"
    YARDSTICK_NOT_BEATEN = "yardstick_not_beaten"
    UNDEFINED = "undefined"
    MIN_ACCURACY = "min_accuracy"
    MIN_AUC = "min_auc"
    WORST_METRIC = "worst_metric"
    MAJORITY = "majority"
    YARDSTICK = "yardstick"


class Answer(enum.StrEnum):
    """What to do with the encoder: the answer to whether fine-tuning is worth it."""

    FINE_TUNED = "fine_tuned"
    FROZEN = "frozen"
    NEITHER = "neither"


@dataclasses.dataclass(frozen=True)
class Decision:
    """Which model to serve.

    Attributes:
      selected: The leading model, `frozen`, `fine_tuned` or `yardstick`.
      winner: The same where it may be served, else None.
      rule: Which `Rule` decided.
      reason: The same in one sentence, with its numbers.
      metric: What counted as better, as `SelectionPolicy.metric` names it.
    """

    selected: str
    winner: str | None
    rule: str
    reason: str
    metric: str = "accuracy"


def load_decision(blessing_uri: str) -> Decision:
    """Reads the decision out of the folder of a blessing that ModelSelector gave."""
    return Decision(**read_json(epath.Path(blessing_uri) / DECISION_FILE))


def answer(decision: Decision, comparison: Comparison) -> Answer:
    """Answers whether fine-tuning is worth it, by the three paired comparisons.

    Of yardstick, frozen and fine-tuned model, in this order of their cost, the answer is the first
    that no other is clearly better than: whose gain over it has a lower bound above 0. Where that
    is the yardstick, the answer is neither, as it is where the yardstick leads by
    `select`, and where no model may be served. Between frozen
    and fine-tuned the policy has decided. Without a yardstick that alone is the answer.

    Args:
      decision: What `select` made of the comparison.
      comparison: All three, on the same texts.
    """
    gains = [comparison.gain_over_yardstick(model) for model in (FROZEN, FINE_TUNED)]
    known = [each for each in gains if each is not None and math.isfinite(each.value)]
    is_beaten = not known or any(each.least > 0 for each in known)
    if decision.winner in (None, YARDSTICK) or not is_beaten:
        return Answer.NEITHER
    return Answer(decision.selected)


def select(policy: SelectionPolicy, comparison: Comparison) -> Decision:
    """Decides which model leads and whether it is good enough to be served.

    Fine-tuning leads only where the lower bound of its gain in the metric that decides exceeds
    `policy.min_gain`, and where on no slice the upper bound of that gain is below a loss of
    `policy.max_slice_loss`. A tie goes to the frozen model, which is cheaper to train again. A
    model with a metric that is no finite number has diverged; the other one then leads, uncompared.

    A slice counts by the upper bound of its difference, however few texts it has. By its value,
    chance alone would hold back a better model: of a hundred texts the value strays by several
    points, and of many slices some stray far. By its lower bound, any small slice would hold it
    back. On the texts of one class, a metric that needs several gives way to the accuracy, which is
    the class's recall.

    Where `policy.candidates` are all, the yardstick is one of them, and the cheapest. It leads
    unless one of the two models passes the same two rules against it.

    The leader is served only where the lower bound of its metric exceeds what the same answer to
    every text reaches (see `metrics.Metric.guard`), and where it reaches the absolute floors. Those
    are marks for what was measured, so its values have to reach them. Where an interval is not
    known, the value takes the place of its bounds.

    Args:
      policy: The rules' bounds.
      comparison: Both models, on the same texts, and the yardstick where it may win; its `metric`
        is the policy's.
    """
    lead = _lead_over_yardstick(policy, comparison, _lead(policy, comparison))
    refusal = _undefined_comparison(lead, comparison) or _not_good_enough(
        policy, lead.selected, comparison
    )
    if refusal is not None:
        rule, objection = refusal
        reason = f"Neither model is pushed: {objection}."
        lead = Decision(lead.selected, None, rule, reason)
    return dataclasses.replace(lead, metric=policy.metric)


def _lead(policy: SelectionPolicy, comparison: Comparison) -> Decision:
    for name, other in ((FINE_TUNED, FROZEN), (FROZEN, FINE_TUNED)):
        undefined = undefined_metrics(_metrics(comparison, name), comparison.metric)
        if undefined:
            why = f"{ALL_NAMES[name]} has diverged, as its {', '.join(undefined)}"
            return _win(other, Rule.ONLY_DEFINED, why)
    metric, gain = comparison.metric, comparison.gain
    gained = f"fine-tuning {_changes(metric, gain)}"
    if not gain.least > policy.min_gain:
        unsure = _unlike(metric, "lower", gain.lower, "does not exceed", policy.min_gain)
        return _win(FROZEN, Rule.NO_SURE_GAIN, f"{gained}, {unsure}")
    lost = _largest_loss(policy, comparison, lambda each: each.deciding)
    if lost is not None:
        loss = _describe_loss(*lost, metric, policy.max_slice_loss)
        return _win(FROZEN, Rule.SLICE_LOSS, f"{gained} overall, but {loss}")
    sure = _unlike(metric, "lower", gain.lower, "exceeds", policy.min_gain)
    return _win(FINE_TUNED, Rule.SURE_GAIN, f"{gained}, {sure}")


def _lead_over_yardstick(
    policy: SelectionPolicy, comparison: Comparison, lead: Decision
) -> Decision:
    """Returns the yardstick's lead where it may win and no model is to be preferred to it."""
    if policy.candidates != ALL_CANDIDATES or comparison.yardstick is None:
        return lead
    objections = {}
    for model in dict.fromkeys((lead.selected, FINE_TUNED, FROZEN)):
        objection = _objection(policy, comparison, model)
        if objection is None:
            return lead
        objections[model] = objection
    why = objections[lead.selected]
    compared = f"{ALL_NAMES[lead.selected]}, compared with it, {why}"
    return _win(YARDSTICK, Rule.YARDSTICK_NOT_BEATEN, compared)


def _objection(policy: SelectionPolicy, comparison: Comparison, model: str) -> str | None:
    """Returns why a model is not to be preferred to the yardstick; None where it is."""
    gain = comparison.gain_over_yardstick(model) or Interval(math.nan)
    metric, gained = comparison.metric, _changes(comparison.metric, gain)
    if not gain.least > policy.min_gain:
        unsure = _unlike(metric, "lower", gain.lower, "does not exceed", policy.min_gain)
        return f"{gained}, {unsure}"
    lost = _largest_loss(policy, comparison, lambda each: each.gains[model])
    if lost is not None:
        return f"{gained} overall, but {_describe_loss(*lost, metric, policy.max_slice_loss)}"
    return None


def _win(model: str, rule: Rule, why: str) -> Decision:
    return Decision(model, model, rule, f"{_starting(ALL_NAMES[model])} wins: {why}.")


def _starting(clause: str) -> str:
    """Returns a clause as a sentence begins."""
    return f"{clause[0].upper()}{clause[1:]}"


def _changes(metric: Metric, gain: Interval) -> str:
    """Returns `changes accuracy by +5.2 points (+3.0 to +7.4)`."""
    verb = "changes" if metric.higher_is_better else "lowers"
    return f"{verb} {metric.title} by {notation.bounded_change(metric, gain)}"


def _largest_loss(
    policy: SelectionPolicy,
    comparison: Comparison,
    difference_on: Callable[[SliceComparison], Interval],
) -> tuple[SliceComparison, Interval] | None:
    """Returns, of the slices that count as lost, the one with the lowest upper bound."""
    gains = [
        (each, _gain_on(each, comparison.metric, difference_on(each))) for each in comparison.slices
    ]
    lost = [
        (each, gain)
        for each, gain in gains
        if each.examples >= policy.min_slice_examples and gain.most < -policy.max_slice_loss
    ]
    return min(lost, key=lambda each: each[1].most, default=None)


def _gain_on(part: SliceComparison, metric: Metric, difference: Interval) -> Interval:
    """Returns a difference on a slice with the sign of a gain, by the metric that decides there."""
    return improvement(_deciding_on(part, metric), difference)


def _deciding_on(part: SliceComparison, metric: Metric) -> Metric:
    return ACCURACY if part.metric == ACCURACY.name else metric


def _describe_loss(lost: SliceComparison, gain: Interval, metric: Metric, allowed: float) -> str:
    decides = _deciding_on(lost, metric)
    return (
        f"on the {lost.examples:,} texts of {lost.name} by {notation.bounded_change(decides, gain)}"
        f", {_unlike(decides, 'upper', gain.upper, 'is below', -allowed)}"
    )


def _unlike(metric: Metric, name: str, bound: float | None, is_to: str, limit: float) -> str:
    """Returns how a sentence goes on after a difference: how its bound is to a limit.

    Such as `whose lower bound, +3.0, exceeds 0`; of the difference itself where it has no bounds.
    """
    said = f"{is_to} {notation.step(metric, limit)}"
    if bound is None:
        return f"which {said}"
    return f"whose {name} bound, {notation.number(metric, bound, limit)}, {said}"


def _undefined_comparison(lead: Decision, comparison: Comparison) -> tuple[Rule, str] | None:
    metric = comparison.metric
    undefined = [
        f"{ALL_NAMES[lead.selected]}'s {each}"
        for each in undefined_metrics(_metrics(comparison, lead.selected), metric)
    ]
    figures = {_constant_name(metric): _constant(comparison)}
    if lead.rule not in (Rule.ONLY_DEFINED, Rule.YARDSTICK_NOT_BEATEN):
        figures[f"the {metric.title} difference"] = comparison.gain.value
    undefined += [f"{name} is undefined" for name, x in figures.items() if not math.isfinite(x)]
    return (Rule.UNDEFINED, ", ".join(undefined)) if undefined else None


def _constant(comparison: Comparison) -> float:
    """Returns the best that the same answer to every text reaches."""
    best = comparison.best_constant
    return comparison.majority_share if best is None else best


def _constant_name(metric: Metric) -> str:
    is_accuracy = metric.guard.name == ACCURACY.name
    return "the majority class's share" if is_accuracy else "the value of a constant answer"


def _not_good_enough(
    policy: SelectionPolicy, selected: str, comparison: Comparison
) -> tuple[Rule, str] | None:
    checks = (_below_a_floor, _no_better_than_constant, _no_better_than_yardstick)
    refusals = (check(policy, selected, comparison) for check in checks)
    return next(filter(None, refusals), None)


def _below_a_floor(
    policy: SelectionPolicy, selected: str, comparison: Comparison
) -> tuple[Rule, str] | None:
    metrics, metric = _metrics(comparison, selected), comparison.metric
    floors = (
        (Rule.MIN_ACCURACY, ACCURACY, policy.min_accuracy),
        (Rule.MIN_AUC, AUC, policy.min_auc),
        (Rule.WORST_METRIC, metric, policy.worst_metric),
    )
    for rule, each, least in floors:
        value = metrics[each.name].value
        if least is not None and _signed(each, value) < _signed(each, least):
            reached = notation.value(each, value, least)
            is_to = "below" if each.higher_is_better else "above"
            return rule, (
                f"{ALL_NAMES[selected]} is preferred, but its {each.title}, {reached}, is {is_to} "
                f"{notation.floor(each, least)}"
            )
    return None


def _signed(metric: Metric, value: float) -> float:
    return value if metric.higher_is_better else -value


def _no_better_than_constant(
    policy: SelectionPolicy, selected: str, comparison: Comparison
) -> tuple[Rule, str] | None:
    metric = comparison.metric
    why = constant.objection(
        metric,
        _metrics(comparison, selected)[metric.guard.name],
        _constant(comparison),
        policy.min_gain_over_majority,
    )
    return (
        None if why is None else (Rule.MAJORITY, f"{ALL_NAMES[selected]} is preferred, but {why}")
    )


def _no_better_than_yardstick(
    policy: SelectionPolicy, selected: str, comparison: Comparison
) -> tuple[Rule, str] | None:
    margin, gain = policy.min_gain_over_yardstick, comparison.gain_over_yardstick(selected)
    if margin is None or gain is None or gain.least > margin:
        return None
    metric = comparison.metric
    unsure = _unlike(metric, "lower", gain.lower, "does not exceed", margin)
    return Rule.YARDSTICK, (
        f"{ALL_NAMES[selected]} is preferred, but compared with TF-IDF it "
        f"{_changes(metric, gain)}, {unsure}"
    )


def _metrics(comparison: Comparison, model: str) -> ModelMetrics:
    metrics = {
        FROZEN: comparison.frozen,
        FINE_TUNED: comparison.fine_tuned,
        YARDSTICK: comparison.yardstick,
    }[model]
    assert metrics is not None  # the yardstick leads only where it was measured
    return metrics
