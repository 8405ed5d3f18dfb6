"""A run's findings in plain words, the same for the page and the terminal.

Loads without Matplotlib, pandas, TensorFlow and TFX.
"""

import math
import pathlib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import TypeGuard

from albert_tfx.calibration.temperature import UNCHANGED, Calibration
from albert_tfx.contract import ALL_NAMES, FINE_TUNED, FROZEN, NAMES, SHORT_TITLES, YARDSTICK
from albert_tfx.encoders.fetching.handles import ASSET_SCHEME, is_url
from albert_tfx.evaluation.measurements import AnswerMetrics, Interval
from albert_tfx.evaluation.metrics import ACCURACY, CALIBRATION_ERROR, LOG_LOSS
from albert_tfx.options import ARGMAX_THRESHOLD, FLOAT32, AnswerOptions, DatasetOptions
from albert_tfx.release import notation
from albert_tfx.release.selection import Answer, Rule
from albert_tfx.report.convergence import Convergence
from albert_tfx.report.summary import Deciding, ModelSummary, Summary
from albert_tfx.seeds.precision import PrecisionChange

# A share of a split's texts up to which it is by chance that some lie within others.
_FEW_CONTAINED = 0.01
# Names of architectures by `model_type`, one that is within another behind it.
_KINDS: Mapping[str, str] = {
    "albert": "ALBERT",
    "distilbert": "DistilBERT",
    "xlm-roberta": "XLM-RoBERTa",
    "roberta": "RoBERTa",
    "bert": "BERT",
}
_ANY_KIND = "the encoder"
_OWN = " (this project's own small ALBERT, for trying out, and not Google's)"
_REFUSALS: Mapping[str, str] = {
    Rule.UNDEFINED: "the metrics are undefined",
    Rule.MIN_ACCURACY: "the preferred one is not accurate enough",
    Rule.MIN_AUC: "the preferred one does not tell the classes apart well enough",
    Rule.WORST_METRIC: "the preferred one does not reach the floor",
    Rule.MAJORITY: "the preferred one is not shown to beat always giving the same answer",
    Rule.YARDSTICK: "the preferred one does not gain enough over TF-IDF",
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
    Rule.SLICE_LOSS: "on no slice of the texts may the whole interval be a loss that is larger "
    "than allowed",
    Rule.ONLY_DEFINED: "a model with undefined metrics has diverged, and the other one wins",
    Rule.YARDSTICK_NOT_BEATEN: "TF-IDF is the cheapest, and an encoder wins over it only if the "
    "lower bound of its gain is high enough and it loses too much on no slice",
    Rule.UNDEFINED: "a comparison with undefined metrics is void",
    Rule.MIN_ACCURACY: "the winner's accuracy must reach a floor",
    Rule.MIN_AUC: "the winner's AUC must reach a floor",
    Rule.WORST_METRIC: "the winner's metric must reach a floor",
    Rule.MAJORITY: "the bound of the winner's metric must be better than what the same answer to "
    "every text reaches",
    Rule.YARDSTICK: "the lower bound of the winner's gain over TF-IDF must be high enough",
}
MEMORY = (
    "Memory is the most that training took beyond what the process held before it: Python with "
    "TensorFlow, some 0.7 GB, comes on top."
)
# Said beside an interval that only the texts' chance is in.
_ONE_TRAINING = "without training's chance"
_UNKNOWN = Interval(math.nan)
_MOST_NAMED = 12  # classes


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
    return f"{_unfinished(model, sign)} before you draw a conclusion from the comparison."


def _unfinished(model: str, sign: str) -> str:
    return f"The training of {NAMES[model]} has not converged: {sign}. {_REMEDIES[model]}"


def verdict(summary: Summary) -> str:
    """Returns one clause that answers whether fine-tuning is worth it, with its uncertainty."""
    if summary.caution:
        pushed = _pushed_all_the_same(summary)
        return f"No verdict yet: a training has not converged{pushed}"
    if summary.winner is None:
        because = _REFUSALS.get(summary.rule)
        return f"Serve neither model{f': {because}' if because else ''}"
    if _is_for_the_yardstick(summary):
        return _neither(summary)
    if summary.rule == Rule.SURE_GAIN:
        return f"Fine-tune: it {_changes(summary, _difference(summary))}"
    if summary.rule == Rule.NO_SURE_GAIN:
        change = _changes(summary, _difference(summary))
        return f"Keep the encoder frozen: fine-tuning {change}"
    if summary.rule == Rule.SLICE_LOSS:
        change = _changes(summary, _difference(summary))
        return f"Keep the encoder frozen: fine-tuning {change}, but loses too much on some texts"
    diverged = ": the other one has diverged" if summary.rule == Rule.ONLY_DEFINED else ""
    return f"Serve {ALL_NAMES[summary.winner]}{diverged}"


def _is_for_the_yardstick(summary: Summary) -> bool:
    """Returns whether the verdict is about TF-IDF, rather than about the two encoders."""
    return not summary.caution and summary.winner is not None and summary.answer == Answer.NEITHER


def reasons(summary: Summary) -> list[str]:
    """Returns the paragraphs below the verdict, the one with its own reason first."""
    between, over_yardstick = uncertainty(summary), yardstick(summary)
    said = (
        [over_yardstick, between] if _is_for_the_yardstick(summary) else [between, over_yardstick]
    )
    return [each for each in said if each]


def _neither(summary: Summary) -> str:
    """Returns the same where the yardstick is not shown to be beaten, and what was pushed."""
    pushed = _pushed_all_the_same(summary)
    model = next(iter(_ranked(summary)), None)
    if model is None:
        return f"Neither: no encoder has a defined difference to TF-IDF{pushed}"
    gain = _gains(summary)[model]
    if gain.most < 0:
        return f"Neither: TF-IDF is clearly better than {_behind(summary, model, gain)}{pushed}"
    of_eval = "by eval, which decides: no encoder is clearly better than TF-IDF there"
    on_test = _gains_on_test(summary).get(model, _UNKNOWN)
    if _is_certain(on_test):
        change = _changes(summary, _less_yardstick_on_test(summary)[model])
        return f"Neither {of_eval}; on test {NAMES[model]} is: it {change}{pushed}"
    if on_test.most < 0:
        behind = _behind(summary, model, on_test)
        return f"Neither {of_eval}; on test TF-IDF is clearly better than {behind}{pushed}"
    return (
        f"Neither: no encoder is clearly better than TF-IDF; against it, {NAMES[model]} "
        f"{_changes(summary, _less_yardstick(summary)[model])}{pushed}"
    )


def _behind(summary: Summary, model: str, gain: Interval) -> str:
    """Returns the model and by how much its negative gain leaves it behind the yardstick."""
    metric, span = _metric(summary), _span(summary, -gain).replace("+", "")
    amount = notation.amount(metric, -gain.value)
    return f"{NAMES[model]}, by {amount} of {metric.title} {span}".rstrip()


def _pushed_all_the_same(summary: Summary) -> str:
    """Returns what was pushed where no encoder is the answer; empty where nothing was."""
    if not summary.pushed:
        return ""
    yet = "" if summary.winner == YARDSTICK else "yet "
    return f"; {yet}{ALL_NAMES[str(summary.winner)]} was pushed"


def _difference(summary: Summary) -> Interval:
    """Returns what fine-tuning changes of the metric that decides."""
    return summary.difference.get(_metric(summary).name, _UNKNOWN)


def metric_heading(summary: Summary) -> str:
    """Returns the name of the metric that decided, as a heading has it."""
    title = _metric(summary).title
    return f"{title[0].upper()}{title[1:]}"


def deciding_beside_accuracy(summary: Summary) -> Deciding | None:
    """Returns the metric that decided; None where that is the accuracy."""
    metric = _metric(summary)
    return None if metric.name == ACCURACY.name else metric


def with_bounds(metric: notation.Measure, reached: Interval) -> str:
    """Returns a value of the metric with its interval, as far as they are known."""
    return notation.bounded_value(metric, reached) if is_known(reached.value) else "-"


def changed(metric: Deciding, difference: Interval) -> str:
    """Returns a difference of the metric with its interval, as far as they are known."""
    return notation.bounded_change(metric, difference) if is_known(difference.value) else "-"


def _metric(summary: Summary) -> Deciding:
    """Returns the metric that decided: the accuracy, in summaries that do not name it."""
    if summary.metric is not None:
        return summary.metric
    return Deciding(
        name=ACCURACY.name,
        title=ACCURACY.title,
        is_higher_better=True,
        is_percentage=True,
        models={},
        constant=summary.majority_share,
        test=summary.test.metrics.accuracy,
    )


def _changes(summary: Summary, difference: Interval) -> str:
    """Returns `changes accuracy by +6.3 points (+3.3 to +9.3, without training's chance)`."""
    metric = _metric(summary)
    amount = notation.change(metric, difference.value)
    return f"changes {metric.title} by {amount} {_span(summary, difference)}".rstrip()


def _span(summary: Summary, difference: Interval) -> str:
    """Returns a difference's bounds in brackets, and whose chance is not in them."""
    left_out = _ONE_TRAINING if summary.seeds == 1 else ""
    if not is_known(difference.lower) or not is_known(difference.upper):
        return f"({left_out})" if left_out else ""
    bounds = " to ".join(
        notation.number(_metric(summary), each) for each in (difference.lower, difference.upper)
    )
    return f"({', '.join(filter(None, (bounds, left_out)))})"


def rule(summary: Summary) -> str:
    """Returns what the rule that decided asks for; empty for a rule unknown here."""
    return _RULES.get(summary.rule, "")


def uncertainty(summary: Summary) -> str:
    """Returns in words how far the chance of the texts reaches, and the chance of training."""
    metric, difference = _metric(summary), _difference(summary)
    if not is_known(difference.value):
        return "The difference between the two models is undefined."
    examples = summary.models[FROZEN].metrics.examples
    changed = (
        f"On the {examples:,} texts of the eval split, which decide, fine-tuning changes "
        f"{metric.title} by {notation.change(metric, difference.value)}{_mean(summary)}"
    )
    if not is_known(difference.lower) or not is_known(difference.upper):
        reason = ", as no text told the two apart" if difference.value == 0 else ""
        return f"{changed}; its interval is not known{reason}."
    lower = notation.number(metric, difference.lower)
    span = f"{lower} to {notation.change(metric, difference.upper)}"
    improved = difference if metric.is_higher_better else -difference
    return (
        f"{changed}; the {summary.confidence:.0%} interval is {span}. "
        f"{_meaning(metric, improved)} {seeds(summary)}"
    )


def _meaning(metric: Deciding, gain: Interval) -> str:
    """Returns what an interval says of a gain: above 0 where fine-tuning is better."""
    if gain.least > 0:
        least = notation.amount(metric, gain.least)
        return (
            "The whole interval is on the side of a gain: on texts like these, this fine-tuned "
            f"model is better, but the gain may be as small as {least}."
        )
    if gain.most < 0:
        return (
            "The whole interval is on the side of a loss: this training of it did worse, by at "
            f"least {notation.amount(metric, gain.most)}."
        )
    return f"The interval includes zero: so many texts cannot tell the two apart by {metric.title}."


def seeds(summary: Summary) -> str:
    """Returns whether the chance of training is in the intervals."""
    if summary.seeds == 1:
        return (
            "Each model was trained once: the chance of training is not in the interval, and "
            "another seed may give another difference."
        )
    return (
        f"Each model was trained {summary.seeds} times: the chance of training is in the interval."
    )


def constant(summary: Summary) -> str:
    """Returns what the same answer to every text reaches by the metric that decides."""
    metric = _metric(summary)
    if not is_known(metric.constant):
        return ""
    # Of one class's recall, which that answer has whole, the mean over the classes is the bar.
    title = "balanced accuracy" if metric.name.startswith("recall:") else metric.title
    reached = notation.value(metric, metric.constant)
    return f"Always giving the same answer reaches, at best: {title} {reached}."


def averaged(summary: Summary) -> str:
    """Returns which metrics are means over the classes, and how."""
    if len(next(iter(summary.labels.values()), ())) > 2:
        return "AUC, precision, recall and F1 are means over the classes, each against the rest."
    return "Precision, recall and F1 are means over the classes."


def trainings(summary: Summary) -> str:
    """Returns which trainings a table's figures are of; empty where each model was trained once."""
    if summary.seeds == 1:
        return ""
    return (
        "The models' figures are those of the exported trainings; the differences are means over "
        f"the {summary.seeds} trainings of each model."
    )


def flips(summary: Summary) -> str:
    """Returns how often the models' answers differ; empty where that was not measured."""
    rates = summary.flip_rates
    if rates is None or not is_known(rates.flipped.value):
        return ""
    if not rates.flipped.value:
        return "The two give the same answer to each of these texts."
    return (
        f"The two answer differently on {rates.flipped.value:.1%} of the texts: fine-tuning "
        f"corrects {rates.gained.value:.1%} and breaks {rates.lost.value:.1%}."
    )


def kind(summary: Summary) -> str:
    """Returns the name of the encoder's architecture; `the encoder` where that is not known."""
    if summary.encoder is None:
        return _ANY_KIND
    known = summary.encoder.model_type or _named(summary.encoder.handle)
    return _KINDS.get(known, _ANY_KIND)


def _named(handle: str) -> str:
    """Returns the `model_type` in a public name; what a user calls a folder tells nothing."""
    if handle.startswith(ASSET_SCHEME):
        return "albert"
    name = handle.lower().replace("_", "-") if is_url(handle) else ""
    words = (model_type for model_type in _KINDS if re.search(rf"\b{model_type}\b", name))
    return next(words, "")


def is_own(summary: Summary) -> bool:
    """Returns whether the encoder is the one that comes with this project."""
    return summary.encoder is not None and summary.encoder.handle.startswith(ASSET_SCHEME)


def encoder(summary: Summary) -> str:
    """Returns which encoder both models have, with its size; empty where that is not known."""
    if summary.encoder is None:
        return ""
    return f"{summary.encoder}{_OWN if is_own(summary) else ''}"


def licence(summary: Summary) -> str:
    """Returns the encoder's licence, as far as it is known here."""
    if is_own(summary):
        return "MIT, as this project's"
    handle = f" {summary.encoder.handle}" if summary.encoder else " it"
    return f"not known here; it is stated where{handle} comes from"


def subject(summary: Summary) -> str:
    """Returns what the run is about: the data set, its texts and classes, the encoder, the date."""
    dataset = summary.settings.dataset if summary.settings else ""
    counts = ", ".join(f"{count:,} {split}" for split, count in summary.examples.items())
    texts = f"{dataset}: {counts} texts" if dataset else f"{counts} texts"
    names = list(next(iter(summary.labels.values()), ()))
    classes = f"{len(names)} classes" if len(names) > _MOST_NAMED else ", ".join(names)
    parts = (texts, classes and f"sorted into {classes}", encoder(summary), summary.date)
    return "; ".join(filter(None, parts))


def on_test(summary: Summary) -> str:
    """Returns what the selected model reaches on the texts that chose nothing."""
    metric, test = _metric(summary), summary.test
    value = metric.test
    if not is_known(value.value):
        return ""
    reached = notation.bounded_value(metric, value)
    accuracy = (
        "" if metric.name == ACCURACY.name else f", and {test.metrics.accuracy.value:.1%} accuracy"
    )
    article = "an" if metric.title[0].lower() in "aeiou" else "a"
    return (
        f"On the {test.metrics.examples:,} texts of the test split, which chose nothing, "
        f"{ALL_NAMES.get(test.model, 'the winner')} reaches {article} {metric.title} of "
        f"{reached}{accuracy}.{_on_test_by_both(summary)}"
    )


def _on_test_by_both(summary: Summary) -> str:
    """Returns the paired difference of both models there, where it was measured."""
    found, name = summary.test_comparison, _metric(summary).name
    if found is None:
        return ""
    differences = {ACCURACY.name: found.difference, **found.differences}
    difference = differences.get(name, _UNKNOWN)
    if not is_known(difference.value):
        return ""
    said = f" Fine-tuning {_changes(summary, difference)} there{_mean(summary)}."
    against = _over_yardstick_on_test(summary)
    return f"{said} {against[0].upper()}{against[1:]}." if against else said


def reached_on_test(summary: Summary) -> str:
    """Returns what the selected model reaches there, and how it compares, in few words."""
    test, decides = summary.test, deciding_beside_accuracy(summary)
    reached = f"accuracy {with_bounds(ACCURACY, test.metrics.accuracy)}"
    if decides is not None:
        reached += f", {decides.title} {with_bounds(decides, decides.test)}"
    said = f"{reached} of {ALL_NAMES[test.model]} on {test.metrics.examples:,} texts"
    return "; ".join(filter(None, [said, _over_yardstick_on_test(summary)]))


def _over_yardstick_on_test(summary: Summary) -> str:
    """Returns one clause on how the selected model compares with the yardstick there, or nothing.

    Where the yardstick itself is the selected model, it is about the encoder that gains most.
    """
    metric, differences = _metric(summary), _less_yardstick_on_test(summary)
    models = [each for each in (summary.test.model, *_ranked(summary)) if each in differences]
    if summary.yardstick is None or not models:
        return ""
    reached = summary.yardstick.test.intervals.get(metric.name, _UNKNOWN).value
    which = f", which reaches {notation.value(metric, reached)} there," if is_known(reached) else ""
    change = _changes(summary, differences[models[0]])
    return f"against TF-IDF{which} {NAMES[models[0]]} {change}{_mean(summary)}"


def _mean(summary: Summary) -> str:
    """Returns what follows a difference that is the mean of several."""
    return f", the mean of {summary.seeds} trainings" if summary.seeds > 1 else ""


def winner(summary: Summary) -> str:
    """Returns the name of the winner, or `none`."""
    return ALL_NAMES[summary.winner] if summary.winner else "none"


def pushed(summary: Summary) -> str:
    """Returns one sentence on what is served now."""
    if summary.pushed_model is None:
        return "Nothing was pushed."
    path = pathlib.PurePosixPath(summary.pushed_model)
    model = ALL_NAMES.get(summary.winner or "", "the winner")
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
    metric = _metric(summary)
    if summary.yardstick is None:
        return ""
    reached = summary.yardstick.eval.intervals.get(metric.name)
    reached = reached or metric.models.get(YARDSTICK, _UNKNOWN)
    if not is_known(reached.value):
        return ""
    value = notation.value(metric, reached.value)
    what = value if metric.name == ACCURACY.name else f"a {metric.title} of {value}"
    said = f"The yardstick, TF-IDF with logistic regression, reaches {what} on eval."
    gains = _gains(summary)
    if not gains:
        return said
    differences = _less_yardstick(summary)
    gained = " and ".join(
        f"{notation.bounded_change(metric, differences[model])} for {NAMES[model]}"
        for model in _ranked(summary)
    )
    gained += f", {_ONE_TRAINING}" if summary.seeds == 1 else ""
    said = f"{said} On the same texts, the difference to it is {gained}."
    if any(map(_is_certain, gains.values())):
        return said
    if better := _better_on_test(summary):
        return f"{said} On the test split, which chose nothing, {better} is clearly better."
    return f"{said} On this text, {kind(summary)} is not shown to be worth its cost."


def _better_on_test(summary: Summary) -> str:
    """Returns which is clearly better on the test split, an encoder or TF-IDF; empty if none is."""
    gains = _gains_on_test(summary)
    for model in _ranked(summary):
        if _is_certain(gains.get(model, _UNKNOWN)):
            return NAMES[model]
    is_tf_idf = bool(gains) and all(gain.most < 0 for gain in gains.values())
    return "TF-IDF" if is_tf_idf else ""


def yardstick_verdict(summary: Summary) -> str:
    """Returns how the yardstick compares with the model that gains most over it, and the winner.

    Such as `no worse than the fine-tuned encoder, clearly better than the frozen encoder`; empty
    where there is no yardstick.
    """
    gains = _gains(summary)
    models = dict.fromkeys([*_ranked(summary)[:1], *(gains.keys() & {summary.winner})])
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


def limits(summary: Summary, *, has_encoder: bool = True) -> dict[str, str]:
    """Returns what the figures do not show: a reason for each statement.

    Args:
      summary: The run's.
      has_encoder: Whether it is also about an encoder's figures, not about the yardstick's alone.
    """
    own = {
        "This encoder is not ALBERT as published.": "The small ALBERT that comes with this project "
        "was pretrained by it, on English film reviews alone; it is not Google's, and its figures "
        "tell nothing about Google's."
    }
    sample = {
        "The sample reviews are no real ones.": "Those that come with this project were composed "
        "by a program, for trying the pipeline out.",
    }
    unfinished = [
        f"{_unfinished(model, sign)} to see how far it gets."
        for model, each in summary.models.items()
        if (sign := _UNFINISHED.get(each.convergence)) and not summary.caution
    ]
    longer = {"A longer training may give another result.": " ".join(unfinished)}
    rounded = " and ".join(NAMES[model] for model in _worse_by_precision(summary))
    precision = {
        "bfloat16 costs accuracy.": f"For {rounded}, the whole interval of what it changes on the "
        "eval texts is a loss. Leave --inference-precision out to serve float32."
    }
    return {
        **(longer if has_encoder and unfinished else {}),
        **(precision if has_encoder and rounded else {}),
        "Another seed or another split may give another result.": f"{seeds(summary)} Between "
        "seeds, fine-tuning on little data can differ by points.",
        "How the intervals are computed.": "Accuracy: Wilson (1927). Its paired difference: Bonett "
        "and Price (2012). All other metrics: the infinitesimal jackknife (Efron 1982), which for "
        "the AUC is DeLong's method; a calibration error that chance alone could produce has a "
        "lower bound of 0. All assume independent texts; several by one author, or of one subject, "
        "are not.",
        "There are several slices.": "Their intervals are not widened for that.",
        "Other text may give another result.": "Nothing here was measured on texts of another kind "
        "or time.",
        "Durations are those of one machine.": "They were measured once, and include the effect of "
        "other work on it.",
        **(sample if _is_of_sample(summary) else {}),
        **(own if has_encoder and is_own(summary) else {}),
    }


def _worse_by_precision(summary: Summary) -> list[str]:
    changes = {model: each.precision_change for model, each in summary.models.items()}
    return [model for model, each in changes.items() if each and each.loses_accuracy]


def _is_of_sample(summary: Summary) -> bool:
    return summary.settings is not None and summary.settings.dataset == DatasetOptions().name


def calibration(summary: Summary, models: Collection[str] = tuple(NAMES)) -> str:
    """Returns the models' temperatures and what they change; empty where none was to be fitted."""
    found = {model: each.calibration for model, each in summary.models.items() if model in models}
    parts = [
        f"{SHORT_TITLES[model].lower()} {_calibration(each)}"
        for model, each in found.items()
        if each
    ]
    if not parts:
        return ""
    return f"on test, with the temperature fitted on eval: {'; '.join(parts)}"


def _calibration(found: Calibration) -> str:
    if found.temperature == UNCHANGED:
        return "none is shown to help"
    return (
        f"{found.temperature:.2f}, log loss {found.log_loss_before:.3f} to {found.log_loss:.3f}, "
        f"calibration error {_error(found.calibration_error_before)} to "
        f"{_error(found.calibration_error)} points"
    )


def _error(share: float) -> str:
    """Returns an expected calibration error in points.

    >>> _error(0.1234)
    '12.3'
    """
    return f"{100 * share:.1f}"


def precision(summary: Summary, models: Collection[str] = tuple(NAMES)) -> str:
    """Returns what another precision than float32 changes of the encoders' answers.

    Empty where they infer in float32.
    """
    found = {model: each for model, each in _rounded(summary).items() if model in models}
    parts = [
        f"{SHORT_TITLES[model].lower()} {_precision(each.precision_change)}"
        for model, each in found.items()
    ]
    return f"{_precisions(found)} in place of float32, on eval: {'; '.join(parts)}" if parts else ""


def _rounded(summary: Summary) -> dict[str, ModelSummary]:
    """Returns the models that do not infer in float32."""
    return {
        model: each for model, each in summary.models.items() if each.inference_precision != FLOAT32
    }


def _precisions(found: Mapping[str, ModelSummary]) -> str:
    return " and ".join(sorted({each.inference_precision for each in found.values()}))


def precision_in_short(summary: Summary) -> str:
    """Returns in what the encoders compute; empty for float32."""
    found = _rounded(summary)
    changes = (
        f"{_change_of_accuracy(each.precision_change)} ({SHORT_TITLES[model].lower()})"
        for model, each in found.items()
    )
    changed = f"which changes accuracy by {', '.join(changes)}"
    return f"answers are computed in {_precisions(found)}, {changed}" if found else ""


def _change_of_accuracy(found: PrecisionChange | None) -> str:
    if found is None or not is_known(found.accuracy.value):
        return "what is not known"
    return notation.change(ACCURACY, found.accuracy.value)


def _precision(found: PrecisionChange | None) -> str:
    if found is None or not is_known(found.accuracy.value):
        return "not known"
    changes = (
        f"{metric.title} {notation.bounded_change(metric, change)}"
        for metric, change in (
            (ACCURACY, found.accuracy),
            (LOG_LOSS, found.log_loss),
            (CALIBRATION_ERROR, found.calibration_error),
        )
    )
    return f"{', '.join(changes)}, other labels {_bounded(found.flipped)}"


def answers(summary: Summary) -> str:
    """Returns what a threshold and an abstention cost; empty where neither was asked for."""
    found = summary.answers
    if found is None or not (found.options.abstain_below or _has_threshold(found.options)):
        return ""
    test = found.test
    abstains = (
        f"{_bounded(test.coverage)} of the {test.examples:,} test texts are given a class, the "
        f"others {found.options.abstain_label}"
        if found.options.abstain_below
        else f"All {test.examples:,} test texts are given a class"
    )
    right = (
        f"; {_bounded(test.accuracy)} of those are right" if is_known(test.accuracy.value) else ""
    )
    return f"{abstains}{right}.{_of_second(test)}"


def _has_threshold(options: AnswerOptions) -> bool:
    return options.threshold != ARGMAX_THRESHOLD


def _of_second(test: AnswerMetrics) -> str:
    """Returns precision and recall of the second class; empty where there are not two."""
    if test.precision is None or test.recall is None:
        return ""
    return (
        f" Of the second class, the precision is {_bounded(test.precision)} and the recall "
        f"{_bounded(test.recall)}."
    )


def _bounded(share: Interval) -> str:
    """Returns a share with its interval: `81.2% (78.0% to 84.0%)`."""
    return format(share, ".1%") if is_known(share.value) else "not known"


def cost(summary: Summary) -> str:
    """Returns how much longer fine-tuning trains; empty where that is not known."""
    frozen, fine_tuned = (summary.models[name].train_seconds for name in (FROZEN, FINE_TUNED))
    if not is_known(frozen) or not is_known(fine_tuned) or not frozen:
        return ""
    return f"Fine-tuning trained {fine_tuned / frozen:,.1f} times as long as the head alone."


def is_known(value: float | None) -> TypeGuard[float]:
    """Returns whether there is a number to show."""
    return value is not None and math.isfinite(value)


def _gains(summary: Summary) -> dict[str, Interval]:
    """Returns what each model gains over the yardstick, where that is known: above 0 if better."""
    return _as_gains(summary, _less_yardstick(summary))


def _as_gains(summary: Summary, differences: Mapping[str, Interval]) -> dict[str, Interval]:
    is_higher_better = _metric(summary).is_higher_better
    return {model: each if is_higher_better else -each for model, each in differences.items()}


def _gains_on_test(summary: Summary) -> dict[str, Interval]:
    """Returns what each model gains over the yardstick on the test split, where that is known."""
    return _as_gains(summary, _less_yardstick_on_test(summary))


def _less_yardstick(summary: Summary) -> dict[str, Interval]:
    """Returns the difference of the metric that decides to the yardstick's, by model."""
    return _of_metric(summary, summary.yardstick.gain if summary.yardstick else {})


def _less_yardstick_on_test(summary: Summary) -> dict[str, Interval]:
    """Returns the same on the test split, where it was measured."""
    found = summary.test_comparison
    return _of_metric(summary, found.gains if found else {})


def _of_metric(
    summary: Summary, measured: Mapping[str, Mapping[str, Interval]]
) -> dict[str, Interval]:
    name = _metric(summary).name
    differences = {model: each.get(name, _UNKNOWN) for model, each in measured.items()}
    return {model: each for model, each in differences.items() if is_known(each.value)}


def _ranked(summary: Summary) -> Sequence[str]:
    """Returns the models, those with a certain gain first, then by the gain."""
    gains = _gains(summary)
    order = {model: (_is_certain(gain), gain.value) for model, gain in gains.items()}
    return sorted(gains, key=order.__getitem__, reverse=True)


def _is_certain(gain: Interval) -> bool:
    return gain.lower is not None and gain.lower > 0


def _compared(gain: Interval, model: str) -> str:
    if gain.value > 0:
        return f"{'clearly' if _is_certain(gain) else 'not clearly'} below {NAMES[model]}"
    is_better = gain.upper is not None and gain.upper < 0
    return f"{'clearly better' if is_better else 'no worse'} than {NAMES[model]}"
