"""What is said of the model that is served."""

import dataclasses

from albert_tfx.calibration.temperature import Calibration
from albert_tfx.evaluation.measurements import AnswerMetrics, Interval
from albert_tfx.options import AnswerOptions
from albert_tfx.report.summary import AnswersSummary, Summary
from albert_tfx.report.wording import served
from tests.support import summaries
from tests.support.summaries import SUMMARY, changed

LOSS = Interval(-0.025, -0.04, -0.01)


def calibrated(**temperatures: float) -> Summary:
    models = {
        model: dataclasses.replace(
            each,
            calibration=Calibration(
                temperature=temperatures[model],
                log_loss_before=0.6123,
                log_loss=0.5,
                calibration_error_before=0.121,
                calibration_error=0.0349,
            ),
        )
        for model, each in SUMMARY.models.items()
    }
    return changed(models=models)


def test_temperatures_are_said_in_one_line_with_what_they_change():
    assert served.calibration(calibrated(frozen=1.0, fine_tuned=2.314)) == (
        "on test, with the temperature fitted on eval: frozen none is shown to help; fine-tuned "
        "2.31, log loss 0.612 to 0.500, calibration error 12.1 to 3.5 points"
    )
    assert served.calibration(SUMMARY) == ""


def test_what_bfloat16_changes_is_told_of_each_model():
    assert served.precision(SUMMARY) == ""
    summary = summaries.rounded(LOSS)
    said = served.precision(summary)
    assert said.startswith("bfloat16 in place of float32, on eval: frozen accuracy 0 points (")
    of_fine_tuned = (
        "fine-tuned accuracy \N{MINUS SIGN}2.5 points (\N{MINUS SIGN}4.0 to \N{MINUS SIGN}1.0), "
        "log loss +0.004 (+0.001 to +0.007), calibration error \N{MINUS SIGN}0.2 points "
        "(\N{MINUS SIGN}1.1 to +0.7), other labels 3.0% (2.0% to 5.0%)"
    )
    assert said.endswith(f"; {of_fine_tuned}")
    assert served.precision(summary, ["fine_tuned"]).endswith(f"eval: {of_fine_tuned}")
    assert served.precision(summary, ["yardstick"]) == ""


def test_what_a_threshold_and_an_abstention_cost_is_said():
    share = Interval(0.9, 0.87, 0.92)
    of_two = AnswerMetrics(1_500, Interval(0.8, 0.78, 0.82), share, share, Interval(0.5, 0.4, 0.6))
    of_more = AnswerMetrics(1_500, Interval(0.0, 0.0, 0.01), Interval(float("nan")))

    def said(options: AnswerOptions, test: AnswerMetrics) -> str:
        return served.answers(changed(answers=AnswersSummary(options=options, test=test)))

    assert said(AnswerOptions(abstain_below=0.7, abstain_label="ask"), of_two) == (
        "80.0% (78.0% to 82.0%) of the 1,500 test texts are given a class, the others ask; 90.0% "
        "(87.0% to 92.0%) of those are right. Of the second class, the precision is 90.0% (87.0% "
        "to 92.0%) and the recall 50.0% (40.0% to 60.0%)."
    )
    assert said(AnswerOptions(threshold=0.3), of_two).startswith(
        "All 1,500 test texts are given a class; 90.0%"
    )
    assert said(AnswerOptions(abstain_below=0.999), of_more) == (
        "0.0% (0.0% to 1.0%) of the 1,500 test texts are given a class, the others unsure."
    )
    assert said(AnswerOptions(), of_two) == ""
    assert served.answers(SUMMARY) == ""
