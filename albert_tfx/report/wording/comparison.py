"""How the models compare on the eval split: the two encoders, and each of them with TF-IDF."""

from albert_tfx.contract import FROZEN, NAMES, YARDSTICK
from albert_tfx.evaluation.measurements import Interval
from albert_tfx.evaluation.metrics import ACCURACY
from albert_tfx.release import notation
from albert_tfx.release.notation import is_known
from albert_tfx.report.summary import Deciding, Summary
from albert_tfx.report.wording import deciding, encoder


def uncertainty(summary: Summary) -> str:
    """Returns in words how far the chance of the texts reaches, and the chance of training."""
    metric, difference = deciding.metric_of(summary), deciding.difference_of(summary)
    if not is_known(difference.value):
        return "The difference between the two models is undefined."
    examples = summary.models[FROZEN].metrics.examples
    changed = (
        f"On the {examples:,} texts of the eval split, which decide, fine-tuning changes "
        f"{metric.title} by {notation.change(metric, difference.value)}"
        f"{deciding.mean_of_trainings(summary)}"
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


def averaged(summary: Summary) -> str:
    """Returns which metrics are means over the classes, and how."""
    if len(next(iter(summary.labels.values()), ())) > 2:
        return "AUC, precision, recall and F1 are means over the classes, each against the rest."
    return "Precision, recall and F1 are means over the classes."


def constant(summary: Summary) -> str:
    """Returns what the same answer to every text reaches by the metric that decides."""
    metric = deciding.metric_of(summary)
    if not is_known(metric.constant):
        return ""
    # Of one class's recall, which that answer has whole, the mean over the classes is the bar.
    title = "balanced accuracy" if metric.name.startswith("recall:") else metric.title
    reached = notation.value(metric, metric.constant)
    return f"Always giving the same answer reaches, at best: {title} {reached}."


def yardstick(summary: Summary) -> str:
    """Returns how far both models exceed the yardstick; empty where there is no yardstick."""
    metric = deciding.metric_of(summary)
    if summary.yardstick is None:
        return ""
    reached = summary.yardstick.eval.intervals.get(metric.name)
    reached = reached or metric.models.get(YARDSTICK, deciding.UNKNOWN)
    if not is_known(reached.value):
        return ""
    value = notation.value(metric, reached.value)
    what = value if metric.name == ACCURACY.name else f"a {metric.title} of {value}"
    said = f"The yardstick, TF-IDF with logistic regression, reaches {what} on eval."
    gains = deciding.gains_on_eval(summary)
    if not gains:
        return said
    differences = deciding.less_yardstick_on_eval(summary)
    gained = " and ".join(
        f"{notation.bounded_change(metric, differences[model])} for {NAMES[model]}"
        for model in deciding.ranked(summary)
    )
    gained += f", {deciding.ONE_TRAINING}" if summary.seeds == 1 else ""
    said = f"{said} On the same texts, the difference to it is {gained}."
    if any(map(deciding.is_certain, gains.values())):
        return said
    if better := _better_on_test(summary):
        return f"{said} On the test split, which chose nothing, {better} is clearly better."
    return f"{said} On this text, {encoder.kind(summary)} is not shown to be worth its cost."


def _better_on_test(summary: Summary) -> str:
    """Returns which is clearly better on the test split, an encoder or TF-IDF; empty if none is."""
    gains = deciding.gains_on_test(summary)
    for model in deciding.ranked(summary):
        if deciding.is_certain(gains.get(model, deciding.UNKNOWN)):
            return NAMES[model]
    is_tf_idf = bool(gains) and all(deciding.is_certain(-gain) for gain in gains.values())
    return "TF-IDF" if is_tf_idf else ""


def yardstick_verdict(summary: Summary) -> str:
    """Returns how the yardstick compares with the model that gains most over it, and the winner.

    Such as `no worse than the fine-tuned encoder, clearly better than the frozen encoder`; empty
    where there is no yardstick.
    """
    gains = deciding.gains_on_eval(summary)
    models = dict.fromkeys([*deciding.ranked(summary)[:1], *(gains.keys() & {summary.winner})])
    return ", ".join(_compared(gains[model], model) for model in models)


def _compared(gain: Interval, model: str) -> str:
    if gain.value > 0:
        return f"{'clearly' if deciding.is_certain(gain) else 'not clearly'} below {NAMES[model]}"
    return f"{'clearly better' if deciding.is_certain(-gain) else 'no worse'} than {NAMES[model]}"
