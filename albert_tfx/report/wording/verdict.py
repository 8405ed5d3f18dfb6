"""The verdict, what to know before it, and the reasons below it."""

from collections.abc import Mapping

from albert_tfx.contract import ALL_NAMES, FINE_TUNED, FROZEN, NAMES, YARDSTICK
from albert_tfx.evaluation.measurements import Interval
from albert_tfx.evaluation.metrics import ACCURACY
from albert_tfx.release import notation
from albert_tfx.release.notation import is_known
from albert_tfx.release.selection import Answer, Rule
from albert_tfx.report.summary import Summary
from albert_tfx.report.wording import comparison, deciding, encoder

_REFUSALS: Mapping[str, str] = {
    Rule.UNDEFINED: "the metrics are undefined",
    Rule.MIN_ACCURACY: "the preferred one is not accurate enough",
    Rule.MIN_AUC: "the preferred one does not tell the classes apart well enough",
    Rule.WORST_METRIC: "the preferred one does not reach the floor",
    Rule.MAJORITY: "the preferred one is not shown to beat always giving the same answer",
    Rule.YARDSTICK: "the preferred one does not gain enough over TF-IDF",
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


def caution(summary: Summary) -> str:
    """Returns what to know before the verdict; empty where nothing is in its way.

    Of an unfinished training it speaks where that model did not win: one that wins all the same
    needs no excuse.
    """
    difference = summary.difference[ACCURACY.name]
    model = FROZEN if deciding.is_certain(difference) else FINE_TUNED
    unfinished = encoder.unfinished(summary, model)
    if not unfinished or not is_known(difference.value):
        return ""
    return f"{unfinished} before you draw a conclusion from the comparison."


def headline(summary: Summary) -> str:
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
        return f"Fine-tune: it {deciding.changes(summary, deciding.difference_of(summary))}"
    if summary.rule == Rule.NO_SURE_GAIN:
        change = deciding.changes(summary, deciding.difference_of(summary))
        return f"Keep the encoder frozen: fine-tuning {change}"
    if summary.rule == Rule.SLICE_LOSS:
        change = deciding.changes(summary, deciding.difference_of(summary))
        return f"Keep the encoder frozen: fine-tuning {change}, but loses too much on some texts"
    diverged = ": the other one has diverged" if summary.rule == Rule.ONLY_DEFINED else ""
    return f"Serve {ALL_NAMES[summary.winner]}{diverged}"


def _is_for_the_yardstick(summary: Summary) -> bool:
    """Returns whether the verdict is about TF-IDF, rather than about the two encoders."""
    return not summary.caution and summary.winner is not None and summary.answer == Answer.NEITHER


def _neither(summary: Summary) -> str:
    """Returns the same where the yardstick is not shown to be beaten, and what was pushed."""
    pushed = _pushed_all_the_same(summary)
    model = next(iter(deciding.ranked(summary)), None)
    if model is None:
        return f"Neither: no encoder has a defined difference to TF-IDF{pushed}"
    gain = deciding.gains_on_eval(summary)[model]
    if gain.most < 0:
        return f"Neither: TF-IDF is clearly better than {_behind(summary, model, gain)}{pushed}"
    on_test = deciding.gains_on_test(summary).get(model, deciding.UNKNOWN)
    if deciding.is_certain(on_test):
        change = deciding.changes(summary, deciding.less_yardstick_on_test(summary)[model])
        return (
            "Neither by eval, which decides: no encoder is clearly better than TF-IDF there; "
            f"on test {NAMES[model]} is: it {change}{pushed}"
        )
    if deciding.is_certain(-on_test):
        behind = _behind(summary, model, on_test)
        return (
            "Neither: no encoder is clearly better than TF-IDF on eval, and on test TF-IDF is "
            f"clearly better than {behind}{pushed}"
        )
    return (
        f"Neither: no encoder is clearly better than TF-IDF; against it, {NAMES[model]} "
        f"{deciding.changes(summary, deciding.less_yardstick_on_eval(summary)[model])}{pushed}"
    )


def _behind(summary: Summary, model: str, gain: Interval) -> str:
    """Returns the model and by how much its negative gain leaves it behind the yardstick."""
    metric, span = deciding.metric_of(summary), deciding.span(summary, -gain).replace("+", "")
    amount = notation.amount(metric, -gain.value)
    return f"{NAMES[model]}, by {amount} of {metric.title} {span}".rstrip()


def _pushed_all_the_same(summary: Summary) -> str:
    """Returns what was pushed where no encoder is the answer; empty where nothing was."""
    if not summary.pushed:
        return ""
    yet = "" if summary.winner == YARDSTICK else "yet "
    return f"; {yet}{ALL_NAMES[str(summary.winner)]} was pushed"


def reasons(summary: Summary) -> list[str]:
    """Returns the paragraphs below the verdict, the one with its own reason first."""
    between, over_yardstick = comparison.uncertainty(summary), comparison.yardstick(summary)
    said = (
        [over_yardstick, between] if _is_for_the_yardstick(summary) else [between, over_yardstick]
    )
    return [each for each in said if each]


def rule(summary: Summary) -> str:
    """Returns what the rule that decided asks for; empty for a rule unknown here."""
    return _RULES.get(summary.rule, "")
