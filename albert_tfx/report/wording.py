"""A run's findings in plain words, for people who read no intervals."""

import math
import pathlib
from collections.abc import Mapping
from typing import Any, TypeGuard

from albert_tfx.contract import FINE_TUNED, FROZEN, NAMES
from albert_tfx.release.selection import Rule
from albert_tfx.report.plot_style import points

_VERDICTS = {
    Rule.SURE_GAIN: "Fine-tune: it surely gains accuracy on this text",
    Rule.NO_SURE_GAIN: "Keep the encoder frozen: fine-tuning brings no sure gain on this text",
    Rule.SLICE_LOSS: "Keep the encoder frozen: fine-tuning gains overall, but surely loses on some "
    "of the reviews",
    Rule.UNDEFINED: "Serve neither model: what was measured is not defined",
    Rule.MIN_ACCURACY: "Serve neither model: the preferred one is not accurate enough",
    Rule.MIN_AUC: "Serve neither model: the preferred one does not tell the classes apart well "
    "enough",
    Rule.MAJORITY: "Serve neither model: the preferred one does not surely beat always giving "
    "the same answer",
}
_RULES = {
    Rule.SURE_GAIN: "fine-tuned wins only if the lower bound of what it gains is high enough, and "
    "it is",
    Rule.NO_SURE_GAIN: "fine-tuned wins only if the lower bound of what it gains is high enough, "
    "and it is not; frozen is cheaper to train again",
    Rule.SLICE_LOSS: "no slice of the reviews may surely lose more than is allowed",
    Rule.ONLY_DEFINED: "a model whose metrics are no numbers leaves the field to the other",
    Rule.UNDEFINED: "a comparison with undefined metrics is void",
    Rule.MIN_ACCURACY: "the winner's accuracy must reach a floor",
    Rule.MIN_AUC: "the winner's AUC must reach a floor",
    Rule.MAJORITY: "the winner's accuracy must, by its lower bound, exceed the share of the most "
    "frequent class",
}


def verdict(summary: Mapping[str, Any]) -> str:
    """Says in one clause what to do; see `uncertainty` for how sure that is."""
    rule = summary.get("rule")
    if rule in _VERDICTS:
        return _VERDICTS[Rule(rule)]
    if summary.get("winner") is None:
        return "Serve neither model"
    diverged = ": the other one has diverged" if rule == Rule.ONLY_DEFINED else ""
    return f"Serve {NAMES[summary['winner']]}{diverged}"


def rule(summary: Mapping[str, Any]) -> str:
    """Says what the rule that decided asks for; empty for a rule unknown here."""
    name = summary.get("rule")
    return _RULES[Rule(name)] if name in _RULES else ""


def uncertainty(summary: Mapping[str, Any]) -> str:
    """Says in words how sure the difference in accuracy is."""
    difference = summary["difference"]["accuracy"]
    value, lower, upper = (difference.get(key) for key in ("value", "lower", "upper"))
    if not is_known(value):
        return "The difference between the two is not defined."
    changed = f"On the same reviews, fine-tuning changes accuracy by {points(value)} points"
    if not is_known(lower) or not is_known(upper):
        return f"{changed}; how sure that is was not measured."
    span = f"{points(lower)} to {points(upper)}"
    confidence = f"{summary['confidence']:.0%}"
    return f"{changed}; the {confidence} interval is {span} points. {_meaning(lower, upper)}"


def _meaning(lower: float, upper: float) -> str:
    if lower > 0:
        return (
            "All of it lies above zero: that fine-tuning helps is sure, how much is not. "
            f"It may be as little as {100 * lower:.1f} points."
        )
    if upper < 0:
        return (
            "All of it lies below zero: fine-tuning surely does harm here, by "
            f"{-100 * upper:.1f} points or more."
        )
    return "It holds zero: on so many reviews, accuracy does not tell the two apart."


def flips(summary: Mapping[str, Any]) -> str:
    """Says how often the models differ; empty where that was not measured."""
    rates = summary.get("flip_rates") or {}
    values = [rates.get(key, {}).get("value") for key in ("flipped", "gained", "lost")]
    if not all(map(is_known, values)):
        return ""
    flipped, gained, lost = (f"{value:.1%}" for value in values)
    return (
        f"The two answer differently on {flipped} of the reviews: fine-tuning puts {gained} right "
        f"and {lost} wrong."
    )


def pushed(summary: Mapping[str, Any]) -> str:
    """Says what is served now."""
    if not summary.get("pushed"):
        return "Nothing was pushed."
    model = NAMES.get(summary.get("winner") or "", "the winner")
    path = pathlib.PurePosixPath(summary["pushed_model"])
    return f"Pushed: {model}, to {path.parent.name}/{path.name}."


def yardstick(summary: Mapping[str, Any]) -> str:
    """Says how both models stand to word counts; empty where there is no yardstick."""
    measured = summary.get("yardstick") or {}
    accuracy = (measured.get("eval") or {}).get("accuracy")
    if not is_known(accuracy):
        return ""
    reached = f"The yardstick, TF-IDF with logistic regression, reaches {accuracy:.1%}."
    gains = {
        model: gain["accuracy"]
        for model, gain in (measured.get("gain") or {}).items()
        if is_known(gain["accuracy"]["value"])
    }
    return f"{reached} {_gain_on_yardstick(gains)}" if gains else reached


def _gain_on_yardstick(gains: Mapping[str, Mapping[str, float | None]]) -> str:
    sure = {model for model, gain in gains.items() if is_known(gain["lower"]) and gain["lower"] > 0}
    ranked = sorted(gains, key=lambda m: (m in sure, gains[m]["value"] or 0.0), reverse=True)
    gained = " and ".join(f"{_points_of(gains[model])} for {NAMES[model]}" for model in ranked)
    doubt = "" if sure else " On this text, neither ALBERT is surely worth its cost."
    return f"On the same reviews, the difference to it is {gained}.{doubt}"


def _points_of(gain: Mapping[str, float | None]) -> str:
    value, lower, upper = (gain.get(key) for key in ("value", "lower", "upper"))
    span = f" ({points(lower)} to {points(upper)})" if is_known(lower) and is_known(upper) else ""
    return f"{points(value or 0.0)} points{span}"


def cost(summary: Mapping[str, Any]) -> str:
    """Says how much longer fine-tuning trains; empty where that is not known."""
    seconds = {name: figures.get("train_seconds") for name, figures in summary["models"].items()}
    if not all(map(is_known, seconds.values())) or not seconds.get(FROZEN):
        return ""
    ratio = seconds[FINE_TUNED] / seconds[FROZEN]
    return f"Fine-tuning trained {ratio:,.1f} times as long as the head alone."


def is_known(value: float | None) -> TypeGuard[float]:
    """Returns whether there is a number to show."""
    return value is not None and math.isfinite(value)
