"""What is served: the winner, its probabilities, its precision, and what its labels cost."""

import pathlib
from collections.abc import Collection, Mapping

from albert_tfx.calibration.temperature import UNCHANGED, Calibration
from albert_tfx.contract import ALL_NAMES, NAMES, SHORT_TITLES
from albert_tfx.evaluation.measurements import AnswerMetrics, Interval
from albert_tfx.evaluation.metrics import ACCURACY, CALIBRATION_ERROR, LOG_LOSS
from albert_tfx.options import ARGMAX_THRESHOLD, FLOAT32, AnswerOptions
from albert_tfx.release import notation
from albert_tfx.release.notation import is_known
from albert_tfx.report.summary import ModelSummary, Summary
from albert_tfx.seeds.precision import PrecisionChange


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
