"""A run's findings in plain words, the same for the page and the terminal.

Loads without Matplotlib, pandas, TensorFlow and TFX.
"""

import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from albert_tfx.contract import FINE_TUNED, FROZEN, NAMES
from albert_tfx.encoders.fetching.handles import ASSET_SCHEME
from albert_tfx.evaluation.measurements import Interval
from albert_tfx.evaluation.metrics import ACCURACY, CONFIDENCE
from albert_tfx.release.selection import Rule
from albert_tfx.report.convergence import Convergence
from albert_tfx.report.summary import Summary

# A share of a split's texts up to which it is by chance that some lie within others.
_FEW_CONTAINED = 0.01
_OWN = " (this project's own small ALBERT, for trying out, and not Google's)"
_CONFIDENTLY = f"with {CONFIDENCE:.0%} confidence"
_VERDICTS: Mapping[str, str] = {
    Rule.SURE_GAIN: f"Fine-tune: it gains accuracy on this text, {_CONFIDENTLY}",
    Rule.NO_SURE_GAIN: "Keep the encoder frozen: no gain from fine-tuning is certain on this text",
    Rule.SLICE_LOSS: "Keep the encoder frozen: fine-tuning gains overall, but loses too much on "
    "some of the reviews",
    Rule.UNDEFINED: "Serve neither model: the metrics are undefined",
    Rule.MIN_ACCURACY: "Serve neither model: the preferred one is not accurate enough",
    Rule.MIN_AUC: "Serve neither model: the preferred one does not tell the classes apart well "
    "enough",
    Rule.MAJORITY: "Serve neither model: the preferred one is not certain to beat always giving "
    "the same answer",
}
_UNFINISHED: Mapping[str, str] = {
    Convergence.NEAR_CHANCE: "its accuracy on the texts that it trained on is still near chance",
    Convergence.STILL_FALLING: "its loss still falls steeply at the end",
}
_REMEDIES: Mapping[str, str] = {
    FROZEN: "Give more --frozen-epochs or a higher --frozen-learning-rate",
    FINE_TUNED: "Give more --fine-tuned-epochs or another --fine-tuned-learning-rate",
}
_RULES: Mapping[str, str] = {
    Rule.SURE_GAIN: "the fine-tuned model wins only if the lower bound of its gain is high enough, "
    "and it is",
    Rule.NO_SURE_GAIN: "the fine-tuned model wins only if the lower bound of its gain is high "
    "enough, and it is not; the frozen model is cheaper to train again",
    Rule.SLICE_LOSS: f"no slice of the reviews may lose more than is allowed {_CONFIDENTLY}",
    Rule.ONLY_DEFINED: "a model with undefined metrics has diverged, and the other one wins",
    Rule.UNDEFINED: "a comparison with undefined metrics is void",
    Rule.MIN_ACCURACY: "the winner's accuracy must reach a floor",
    Rule.MIN_AUC: "the winner's AUC must reach a floor",
    Rule.MAJORITY: "the winner's accuracy must, by its lower bound, exceed the share of the most "
    "frequent class",
}


def caution(summary: Summary) -> str:
    """Returns what to know before the verdict; empty where nothing is in its way.

    Of an unfinished training it speaks where that model did not win: one that wins all the same
    needs no excuse.
    """
    difference = summary.difference[ACCURACY.name]
    model = FROZEN if _is_certain(difference) else FINE_TUNED
    sign = _UNFINISHED.get(summary.models[model].convergence)
    if sign is None or not is_known(difference.value):
        return ""
    return (
        f"The training of {NAMES[model]} has not converged: {sign}. {_REMEDIES[model]} before you "
        f"draw a conclusion from the comparison."
    )


def verdict(summary: Summary) -> str:
    """Returns one clause on what to do; see `uncertainty` for how certain it is."""
    if summary.caution:
        return "No verdict yet: a training has not converged"
    if summary.rule in _VERDICTS:
        return _VERDICTS[summary.rule]
    if summary.winner is None:
        return "Serve neither model"
    diverged = ": the other one has diverged" if summary.rule == Rule.ONLY_DEFINED else ""
    return f"Serve {NAMES[summary.winner]}{diverged}"


def rule(summary: Summary) -> str:
    """Returns what the rule that decided asks for; empty for a rule unknown here."""
    return _RULES.get(summary.rule, "")


def uncertainty(summary: Summary) -> str:
    """Returns in words how certain the difference in accuracy is."""
    difference = summary.difference[ACCURACY.name]
    if not is_known(difference.value):
        return "The difference between the two models is undefined."
    changed = f"On the same reviews, fine-tuning changes accuracy by {points(difference.value)} "
    if difference.lower is None or difference.upper is None:
        return f"{changed}points; its interval is not known."
    span = f"{points(difference.lower)} to {points(difference.upper)}"
    confidence = f"{summary.confidence:.0%}"
    meaning = _meaning(difference.lower, difference.upper)
    return f"{changed}points; the {confidence} interval is {span} points. {meaning}"


def _meaning(lower: float, upper: float) -> str:
    if lower > 0:
        return (
            "The whole interval is above zero: fine-tuning helps here, but the gain may be as "
            f"small as {100 * lower:.1f} points."
        )
    if upper < 0:
        return (
            "The whole interval is below zero: this training of it did worse, by at least "
            f"{-100 * upper:.1f} points."
        )
    return "The interval includes zero: so many reviews cannot tell the two apart by accuracy."


def flips(summary: Summary) -> str:
    """Returns how often the models' answers differ; empty where that was not measured."""
    rates = summary.flip_rates
    if rates is None or not is_known(rates.flipped.value):
        return ""
    return (
        f"The two answer differently on {rates.flipped.value:.1%} of the reviews: fine-tuning "
        f"corrects {rates.gained.value:.1%} and breaks {rates.lost.value:.1%}."
    )


def encoder(summary: Summary) -> str:
    """Returns which encoder both models have, with its size; empty where that is not known."""
    if summary.encoder is None:
        return ""
    is_own = summary.encoder.handle.startswith(ASSET_SCHEME)
    return f"{summary.encoder}{_OWN if is_own else ''}"


def winner(summary: Summary) -> str:
    """Returns the name of the winner, or `none`."""
    return summary.winner or "none"


def pushed(summary: Summary) -> str:
    """Returns one sentence on what is served now."""
    if summary.pushed_model is None:
        return "Nothing was pushed."
    path = pathlib.PurePosixPath(summary.pushed_model)
    model = NAMES.get(summary.winner or "", "the winner")
    return f"Pushed: {model}, to {path.parent.name}/{path.name}."


def duplicates(summary: Summary) -> str:
    """Returns what became of duplicates; empty where none were looked for."""
    found = summary.duplicates
    if found is None:
        return ""
    labels = contradictions(summary)
    if found.keep:
        return f"counted, and kept{labels}"
    removed = {split: each.exact + each.near for split, each in found.removed.items()}
    parts = [f"{count:,} of {split}" for split, count in removed.items() if count]
    return f"taken out: {', '.join(parts) or 'none'}{labels}"


def contradictions(summary: Summary) -> str:
    """Returns how many texts have another label elsewhere; empty where there is none."""
    found = summary.duplicates.contradicting if summary.duplicates else {}
    parts = [f"{max(others.values()):,} of {split}" for split, others in found.items() if others]
    return (
        f"; with another label than the same text has before: {', '.join(parts)}" if parts else ""
    )


def contained(summary: Summary) -> str:
    """Returns which texts lie within one of another split; empty where hardly any does."""
    found = summary.duplicates
    if found is None:
        return ""
    parts = []
    for split, others in found.contained.items():
        fates = found.reviews.get(split, {}).values()
        texts = sum(each.kept + each.exact + each.near for each in fates)
        for other, count in others.items():
            if count > _FEW_CONTAINED * texts:
                parts.append(f"{count:,} of {split} lie within one of {other}")
    if not parts:
        return ""
    advice = "What belongs together is best kept in one split, such as by --group-column."
    return f"{', '.join(parts)}, which may flatter both models. {advice}"


def yardstick(summary: Summary) -> str:
    """Returns how far both models exceed the yardstick; empty where there is no yardstick."""
    accuracy = summary.yardstick.eval.accuracy.value if summary.yardstick else math.nan
    if not is_known(accuracy):
        return ""
    reached = f"The yardstick, TF-IDF with logistic regression, reaches {accuracy:.1%}."
    gains = _gains(summary)
    if not gains:
        return reached
    gained = " and ".join(f"{in_points(gains[each])} for {NAMES[each]}" for each in _ranked(gains))
    is_doubtful = not any(map(_is_certain, gains.values()))
    doubt = " On this text, neither ALBERT is shown to be worth its cost." if is_doubtful else ""
    return f"{reached} On the same reviews, the difference to it is {gained}.{doubt}"


def yardstick_verdict(summary: Summary) -> str:
    """Returns how the yardstick compares with the model that gains most over it, and the winner.

    Such as `no worse than fine_tuned, clearly better than frozen`; empty where there is no
    yardstick.
    """
    gains = _gains(summary)
    models = dict.fromkeys([*_ranked(gains)[:1], *(gains.keys() & {summary.winner})])
    return ", ".join(_compared(gains[model], model) for model in models)


def rates(summary: Summary) -> str:
    """Returns how the encoder's rate was chosen; empty where none was tried."""
    model = summary.models[FINE_TUNED]
    tried = [
        f"{each['rate']:g} after {each['steps']:g} steps: {_loss(each)}" for each in model.rates
    ]
    if not tried:
        return ""
    return (
        f"The peak rate of {NAMES[FINE_TUNED]}, {model.learning_rate:g}, was chosen on a part of "
        f"the training texts. The losses on the rest of them were: {'; '.join(tried)}."
    )


def _loss(trial: Mapping[str, float]) -> str:
    loss = trial["loss"]
    return f"{loss:.3f}" if is_known(loss) else "undefined"


def cost(summary: Summary) -> str:
    """Returns how much longer fine-tuning trains; empty where that is not known."""
    frozen, fine_tuned = (summary.models[name].train_seconds for name in (FROZEN, FINE_TUNED))
    if not is_known(frozen) or not is_known(fine_tuned) or not frozen:
        return ""
    return f"Fine-tuning trained {fine_tuned / frozen:,.1f} times as long as the head alone."


def points(share: float) -> str:
    """Returns a difference of shares in points.

    >>> [points(share) for share in (0.052, 0.1, 0.0)]
    ['+5.2', '+10.0', '0']
    """
    if not math.isfinite(share):
        return "undefined"
    rounded = round(100 * share, 1)
    return f"{rounded:+.1f}".replace("-", "\N{MINUS SIGN}") if rounded else "0"


def in_points(gain: Interval) -> str:
    """Returns a difference of shares with its interval.

    >>> in_points(Interval(0.052, 0.03, 0.074))
    '+5.2 points (+3.0 to +7.4)'
    """
    if gain.lower is None or gain.upper is None:
        return f"{points(gain.value)} points"
    return f"{points(gain.value)} points ({points(gain.lower)} to {points(gain.upper)})"


def is_known(value: float | None) -> TypeGuard[float]:
    """Returns whether there is a number to show."""
    return value is not None and math.isfinite(value)


def _gains(summary: Summary) -> dict[str, Interval]:
    """Returns what each model's accuracy gains over the yardstick, where that is known."""
    measured = summary.yardstick.gain if summary.yardstick else {}
    gains = {model: gain[ACCURACY.name] for model, gain in measured.items()}
    return {model: gain for model, gain in gains.items() if is_known(gain.value)}


def _ranked(gains: Mapping[str, Interval]) -> Sequence[str]:
    """Returns the models, those with a certain gain first, then by the gain."""
    order = {model: (_is_certain(gain), gain.value) for model, gain in gains.items()}
    return sorted(gains, key=order.__getitem__, reverse=True)


def _is_certain(gain: Interval) -> bool:
    return gain.lower is not None and gain.lower > 0


def _compared(gain: Interval, model: str) -> str:
    if gain.value > 0:
        return f"{'clearly' if _is_certain(gain) else 'not clearly'} below {model}"
    is_better = gain.upper is not None and gain.upper < 0
    return f"{'clearly better' if is_better else 'no worse'} than {model}"
