"""The words that the page and the terminal share."""

import dataclasses
from typing import Any

import pytest

from albert_tfx.calibration.temperature import Calibration
from albert_tfx.contract import NAMES
from albert_tfx.evaluation.measurements import AnswerMetrics, FlipRates, Interval, TestComparison
from albert_tfx.options import AnswerOptions
from albert_tfx.release.selection import Rule
from albert_tfx.report import wording
from albert_tfx.report.convergence import Convergence
from albert_tfx.report.summary import AnswersSummary, Deciding, Fates, Settings, Summary
from tests.support import summaries
from tests.support.summaries import SUMMARY, changed

WON = {
    Rule.SURE_GAIN: "fine_tuned",
    Rule.NO_SURE_GAIN: "frozen",
    Rule.SLICE_LOSS: "frozen",
    Rule.YARDSTICK_NOT_BEATEN: "yardstick",
}


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_has_words(rule):
    winner = "frozen" if rule == Rule.ONLY_DEFINED else WON.get(rule)
    answer = winner if winner in NAMES else "neither"
    summary = changed(rule=rule, winner=winner, answer=answer)
    assert wording.rule(summary)
    said = wording.verdict(summary)
    assert said not in ("Serve neither model", "Serve the frozen encoder")
    assert said.startswith("Serve neither model") is (winner is None)
    assert "sure" not in said
    assert "certain" not in said


BETTER, WORSE, ALIKE = (
    Interval(0.077, 0.041, 0.113),
    Interval(-0.077, -0.113, -0.041),
    Interval(0.01, -0.02, 0.04),
)


def answered(
    answer: str, rule: str, frozen: Interval, fine_tuned: Interval, **more: Any
) -> Summary:
    gain = {"frozen": {"accuracy": frozen}, "fine_tuned": {"accuracy": fine_tuned}}
    yardstick = dataclasses.replace(summaries.YARDSTICK, gain=gain)
    return changed(answer=answer, rule=rule, winner=WON[Rule(rule)], yardstick=yardstick, **more)


def test_the_three_answers_are_given_with_their_uncertainty():
    difference = {"accuracy": BETTER}
    assert wording.verdict(
        answered("fine_tuned", "sure_gain", BETTER, BETTER, difference=difference)
    ) == (
        "Fine-tune: it changes accuracy by +7.7 points (+4.1 to +11.3, without training's chance)"
    )
    difference = {"accuracy": ALIKE}
    assert wording.verdict(
        answered("frozen", "no_sure_gain", BETTER, BETTER, difference=difference)
    ) == (
        "Keep the encoder frozen: fine-tuning changes accuracy by +1.0 points "
        "(\N{MINUS SIGN}2.0 to +4.0, without training's chance)"
    )
    assert wording.verdict(answered("neither", "sure_gain", WORSE, WORSE, pushed=False)) == (
        "Neither: TF-IDF is clearly better than the frozen encoder, by 7.7 points of accuracy "
        "(4.1 to 11.3, without training's chance)"
    )
    assert wording.verdict(answered("neither", "sure_gain", WORSE, ALIKE, pushed=False)) == (
        "Neither: no encoder is clearly better than TF-IDF; against it, the fine-tuned encoder "
        "changes accuracy by +1.0 points (\N{MINUS SIGN}2.0 to +4.0, without training's chance)"
    )


def test_what_is_pushed_though_word_counts_are_better_is_said_first():
    said = wording.verdict(answered("neither", "sure_gain", WORSE, WORSE, pushed=True))
    assert said.startswith("Neither: TF-IDF is clearly better than the ")
    assert said.endswith("; yet the fine-tuned encoder was pushed")


def test_a_yardstick_that_was_pushed_is_said_so():
    said = wording.verdict(answered("neither", "yardstick_not_beaten", WORSE, ALIKE, pushed=True))
    assert said.startswith("Neither: no encoder is clearly better than TF-IDF; ")
    assert said.endswith("; TF-IDF was pushed")
    unknown = Interval(float("nan"))
    said = wording.verdict(answered("neither", "yardstick_not_beaten", unknown, unknown))
    assert said == "Neither: no encoder has a defined difference to TF-IDF; TF-IDF was pushed"


def test_with_several_seeds_the_chance_of_training_is_in_the_interval():
    summary = answered("fine_tuned", "sure_gain", BETTER, BETTER, difference={"accuracy": BETTER})
    assert "trained once: the chance of training is not in" in wording.uncertainty(summary)
    summary = dataclasses.replace(summary, seeds=3)
    assert wording.verdict(summary).endswith("+7.7 points (+4.1 to +11.3)")
    assert "trained 3 times: the chance of training is in" in wording.uncertainty(summary)


def test_a_metric_of_which_less_is_better_is_put_into_words():
    metric = Deciding(
        name="log_loss",
        title="log loss",
        is_higher_better=False,
        is_percentage=False,
        models={},
        constant=0.69,
        test=Interval(0.41),
    )
    gain = {
        "frozen": {"log_loss": Interval(-0.1, -0.15, -0.05)},
        "fine_tuned": {"log_loss": Interval(-0.2, -0.3, -0.1)},
    }
    summary = changed(
        answer="fine_tuned",
        metric=metric,
        difference={"log_loss": Interval(-0.1, -0.15, -0.05)},
        yardstick=dataclasses.replace(summaries.YARDSTICK, gain=gain),
    )
    assert "changes log loss by \N{MINUS SIGN}0.100 (\N{MINUS SIGN}0.150 to" in (
        wording.verdict(summary)
    )
    assert "the gain may be as small as 0.050." in wording.uncertainty(summary)
    assert "reaches a log loss of 0.600" in wording.yardstick(summary)
    assert wording.yardstick_verdict(summary) == "clearly below the fine-tuned encoder"
    worse = dataclasses.replace(summary, difference={"log_loss": Interval(0.1, 0.05, 0.15)})
    assert "did worse, by at least 0.050." in wording.uncertainty(worse)


def test_a_rule_unknown_here_has_a_verdict_all_the_same():
    assert wording.rule(changed(rule="news")) == ""
    assert wording.verdict(changed(rule="news")) == "Serve the fine-tuned encoder"
    assert wording.verdict(changed(rule="news", winner=None)) == "Serve neither model"


@pytest.mark.parametrize(
    ("difference", "meaning"),
    [
        (Interval(0.05, 0.033, 0.067), "but the gain may be as small as 3.3 points."),
        (Interval(-0.05, -0.07, -0.03), "this training of it did worse, by at least 3.0 points."),
        (Interval(0.01, -0.01, 0.03), "The interval includes zero"),
        (Interval(0.01), "+1.0 points; its interval is not known."),
        (Interval(0.0), "its interval is not known, as no text told the two apart."),
        (Interval(float("nan")), "is undefined."),
    ],
)
def test_a_difference_is_put_into_words(difference, meaning):
    assert meaning in wording.uncertainty(changed(difference={"accuracy": difference}))


GAIN, LOSS = Interval(0.05, 0.03, 0.07), Interval(-0.05, -0.07, -0.03)


@pytest.mark.parametrize(
    ("unfinished", "difference", "is_told"),
    [
        ("fine_tuned", LOSS, True),
        ("fine_tuned", Interval(0.01, -0.01, 0.03), True),
        ("fine_tuned", GAIN, False),
        ("frozen", GAIN, True),
        ("frozen", LOSS, False),
    ],
)
def test_what_an_unfinished_training_lost_gives_no_verdict(unfinished, difference, is_told):
    models = dict(summaries.SUMMARY.models)
    models[unfinished] = dataclasses.replace(
        models[unfinished], convergence=Convergence.STILL_FALLING
    )
    summary = changed(models=models, difference={"accuracy": difference}, rule="no_sure_gain")
    summary = dataclasses.replace(summary, caution=wording.caution(summary))
    assert (NAMES[unfinished] in summary.caution) is is_told
    assert wording.verdict(summary).startswith("No verdict yet") is is_told


@pytest.mark.parametrize(
    ("winner", "end"),
    [("yardstick", "; TF-IDF was pushed"), ("frozen", "; yet the frozen encoder was pushed")],
)
def test_what_was_pushed_is_said_though_there_is_no_verdict_yet(winner, end):
    said = wording.verdict(changed(caution="Train longer.", winner=winner))
    assert said == f"No verdict yet: a training has not converged{end}"
    said = wording.verdict(changed(caution="Train longer.", winner=winner, pushed=False))
    assert said == "No verdict yet: a training has not converged"


def test_a_training_that_has_not_converged_is_a_limit_where_the_verdict_stands():
    fine_tuned = dataclasses.replace(
        SUMMARY.models["fine_tuned"], convergence=Convergence.STILL_FALLING
    )
    models = {**SUMMARY.models, "fine_tuned": fine_tuned}
    statement = "A longer training may give another result."
    reason = wording.limits(changed(models=models))[statement]
    assert "its loss still falls steeply" in reason
    assert "--fine-tuned-epochs" in reason
    assert statement not in wording.limits(changed(models=models), has_encoder=False)
    assert statement not in wording.limits(changed(models=models, caution="Train longer."))
    assert statement not in wording.limits(SUMMARY)


LOSS, CHANCE = Interval(-0.025, -0.04, -0.01), Interval(-0.025, -0.06, 0.01)


def test_what_bfloat16_changes_is_told_of_each_model():
    assert wording.precision(SUMMARY) == ""
    summary = summaries.rounded(LOSS)
    said = wording.precision(summary)
    assert said.startswith("bfloat16 in place of float32, on eval: frozen accuracy 0 points (")
    of_fine_tuned = (
        "fine-tuned accuracy \N{MINUS SIGN}2.5 points (\N{MINUS SIGN}4.0 to \N{MINUS SIGN}1.0), "
        "log loss +0.004 (+0.001 to +0.007), calibration error \N{MINUS SIGN}0.2 points "
        "(\N{MINUS SIGN}1.1 to +0.7), other labels 3.0% (2.0% to 5.0%)"
    )
    assert said.endswith(f"; {of_fine_tuned}")
    assert wording.precision(summary, ["fine_tuned"]).endswith(f"eval: {of_fine_tuned}")
    assert wording.precision(summary, ["yardstick"]) == ""


@pytest.mark.parametrize(("accuracy", "is_said"), [(LOSS, True), (CHANCE, False)])
def test_accuracy_that_bfloat16_certainly_costs_is_a_limit(accuracy, is_said):
    summary = summaries.rounded(accuracy)
    reason = wording.limits(summary).get("bfloat16 costs accuracy.", "")
    assert ("For the fine-tuned encoder, the whole interval" in reason) is is_said
    assert "bfloat16 costs accuracy." not in wording.limits(summary, has_encoder=False)


@pytest.mark.parametrize(("dataset", "is_said"), [("sample_reviews", True), ("tickets", False)])
def test_the_sample_reviews_are_a_limit_of_their_own_runs(dataset, is_said):
    settings = Settings(
        dataset=dataset, sequence_length=8, truncation="head", class_weights="none", batch_size={}
    )
    limits = wording.limits(changed(settings=settings))
    assert ("The sample reviews are no real ones." in limits) is is_said


def test_the_rates_that_were_tried_are_told():
    tried = (
        {"rate": 1e-4, "steps": 40, "loss": 0.6},
        {"rate": 3e-5, "steps": 40, "loss": float("nan")},
    )
    model = dataclasses.replace(
        summaries.SUMMARY.models["fine_tuned"], learning_rate=1e-4, rates=tried
    )
    said = wording.rates(changed(models={"fine_tuned": model}))
    assert "fine-tuned encoder, 0.0001, was chosen" in said
    assert said.endswith("0.0001 after 40 steps: 0.600; 3e-05 after 40 steps: undefined.")
    assert wording.rates(summaries.SUMMARY) == ""


def test_each_sign_of_an_unfinished_training_has_words():
    fine_tuned = summaries.SUMMARY.models["fine_tuned"]
    said = {
        wording.caution(
            changed(models={"fine_tuned": dataclasses.replace(fine_tuned, convergence=each)})
        )
        for each in Convergence
    }
    assert len(said) == len(Convergence)
    assert "" in said


def test_flips_are_put_into_words_where_they_are_known():
    rates = FlipRates(Interval(0.3), Interval(0.2), Interval(0.1))
    said = wording.flips(changed(flip_rates=rates))
    assert said.endswith("30.0% of the texts: fine-tuning corrects 20.0% and breaks 10.0%.")
    assert wording.flips(changed(flip_rates=None)) == ""
    never = Interval(0.0, 0.0, 0.01)
    alike = wording.flips(changed(flip_rates=FlipRates(never, never, never)))
    assert alike == "The two give the same answer to each of these texts."


def test_nothing_is_said_of_what_was_not_measured():
    summary = changed(yardstick=None, duplicates=None)
    said = (wording.yardstick(summary), wording.yardstick_verdict(summary))
    assert (*said, wording.duplicates(summary)) == ("", "", "")
    unknown = {"frozen": {"accuracy": Interval(float("nan"))}}
    summary = changed(yardstick=dataclasses.replace(summaries.YARDSTICK, gain=unknown))
    assert wording.yardstick(summary).endswith("reaches 75.0% on eval.")
    assert wording.yardstick_verdict(summary) == ""


def test_the_encoder_is_named_with_its_size_and_the_small_one_as_our_own():
    known = summaries.ENCODER
    assert wording.encoder(changed()) == (
        "hf://owner/model@c0ffeec, 22,713,216 weights, 512 positions"
    )
    own = dataclasses.replace(known, handle="asset://small", revision=None, positions=None)
    said = wording.encoder(changed(encoder=own))
    assert said.startswith("asset://small, 22,713,216 weights (this project's own small ALBERT")
    assert wording.encoder(changed(encoder=None)) == ""


def test_texts_of_two_labels_are_said():
    found = dataclasses.replace(
        summaries.DUPLICATES, contradicting={"train": {"test": 3, "train": 2}, "eval": {"test": 1}}
    )
    summary = summaries.changed(duplicates=found)
    assert wording.duplicates(summary) == (
        "taken out: 1 of eval, 1,234 of train; with another label than the same text has before: "
        "3 of train, 1 of eval"
    )


def test_texts_within_others_are_named_where_they_are_many():
    reviews = {"train": {"0": Fates(kept=950, exact=40, near=10)}}
    found = dataclasses.replace(summaries.DUPLICATES, reviews=reviews)
    few = dataclasses.replace(found, contained={"train": {"test": 10}})
    assert wording.contained(changed(duplicates=few)) == ""
    many = dataclasses.replace(found, contained={"train": {"test": 100, "eval": 0}})
    said = wording.contained(changed(duplicates=many))
    assert said.startswith("100 of train lie within one of test, which may flatter both models.")
    assert said.endswith("such as by --group-column.")
    assert wording.contained(changed(duplicates=None)) == ""


@pytest.mark.parametrize(
    ("handle", "model_type", "expected"),
    [
        ("hf://owner/MiniLM", "bert", "BERT"),
        ("hf://owner/albert", "distilbert", "DistilBERT"),
        ("/models/mine", "xlm-roberta", "XLM-RoBERTa"),
        ("/models/mine", "albert", "ALBERT"),
        ("asset://albert_en_mini", None, "ALBERT"),
        ("https://tfhub.dev/tensorflow/albert_en_base/3", None, "ALBERT"),
        ("https://www.kaggle.com/models/tensorflow/bert/tensorFlow2/en-uncased/4", None, "BERT"),
        ("/home/albert/encoder", None, "the encoder"),
        ("https://tfhub.dev/google/electra_small/2", None, "the encoder"),
        ("https://tfhub.dev/tensorflow/mobilebert_en/1", None, "the encoder"),
    ],
)
def test_the_encoder_is_called_by_its_kind(handle: str, model_type: str | None, expected: str):
    encoder = dataclasses.replace(summaries.ENCODER, handle=handle, model_type=model_type)
    assert wording.kind(summaries.changed(encoder=encoder)) == expected


def test_an_encoder_that_is_not_known_has_no_kind():
    assert wording.kind(summaries.changed(encoder=None)) == "the encoder"


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
        for model, each in summaries.SUMMARY.models.items()
    }
    return changed(models=models)


def test_temperatures_are_said_in_one_line_with_what_they_change():
    assert wording.calibration(calibrated(frozen=1.0, fine_tuned=2.314)) == (
        "on test, with the temperature fitted on eval: frozen none is shown to help; fine-tuned "
        "2.31, log loss 0.612 to 0.500, calibration error 12.1 to 3.5 points"
    )
    assert wording.calibration(summaries.SUMMARY) == ""


def test_what_a_threshold_and_an_abstention_cost_is_said():
    share = Interval(0.9, 0.87, 0.92)
    of_two = AnswerMetrics(1_500, Interval(0.8, 0.78, 0.82), share, share, Interval(0.5, 0.4, 0.6))
    of_more = AnswerMetrics(1_500, Interval(0.0, 0.0, 0.01), Interval(float("nan")))

    def said(options: AnswerOptions, test: AnswerMetrics) -> str:
        return wording.answers(changed(answers=AnswersSummary(options=options, test=test)))

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
    assert wording.answers(summaries.SUMMARY) == ""


def test_a_difference_says_of_which_texts_and_of_how_many_trainings_it_is():
    tested = TestComparison(
        SUMMARY.models["frozen"].metrics, SUMMARY.models["fine_tuned"].metrics, BETTER
    )
    once = dataclasses.replace(SUMMARY, difference={"accuracy": BETTER}, test_comparison=tested)
    assert "On the 400 texts of the eval split, which decide," in wording.uncertainty(once)
    assert "mean of" not in wording.uncertainty(once) + wording.on_test(once)
    several = dataclasses.replace(once, seeds=3)
    assert "by +7.7 points, the mean of 3 trainings;" in wording.uncertainty(several)
    assert wording.on_test(several).endswith("there, the mean of 3 trainings.")


def on_two_splits(gain: Interval) -> Summary:
    """Returns a run whose eval split cannot tell whether an encoder beats the yardstick."""
    compared = TestComparison(
        SUMMARY.models["frozen"].metrics,
        SUMMARY.models["fine_tuned"].metrics,
        BETTER,
        gains={"frozen": {"accuracy": WORSE}, "fine_tuned": {"accuracy": gain}},
    )
    once = answered("neither", "sure_gain", WORSE, ALIKE, pushed=False, test_comparison=compared)
    return dataclasses.replace(once, test=dataclasses.replace(once.test, model="fine_tuned"))


def test_a_test_split_that_tells_more_than_eval_is_heard():
    shown = on_two_splits(BETTER)
    assert wording.verdict(shown) == (
        "Neither by eval, which decides: no encoder is clearly better than TF-IDF there; on test "
        "the fine-tuned encoder is: it changes accuracy by +7.7 points (+4.1 to +11.3, without "
        "training's chance)"
    )
    assert "not shown to be worth" not in wording.yardstick(shown)
    assert wording.yardstick(shown).endswith(
        "On the test split, which chose nothing, the fine-tuned encoder is clearly better."
    )
    reached = f"{summaries.YARDSTICK.test.accuracy.value:.1%}"
    assert wording.on_test(shown).endswith(
        f"there. Against TF-IDF, which reaches {reached} there, the fine-tuned encoder changes "
        "accuracy by +7.7 points (+4.1 to +11.3, without training's chance)."
    )


def test_a_test_split_that_speaks_for_the_yardstick_is_heard_as_well():
    behind = on_two_splits(WORSE)
    assert wording.verdict(behind) == (
        "Neither by eval, which decides: no encoder is clearly better than TF-IDF there; on test "
        "TF-IDF is clearly better than the fine-tuned encoder, by 7.7 points of accuracy (4.1 to "
        "11.3, without training's chance)"
    )
    assert wording.yardstick(behind).endswith(
        "On the test split, which chose nothing, TF-IDF is clearly better."
    )


def test_a_test_split_that_tells_no_more_changes_no_verdict():
    doubtful = on_two_splits(ALIKE)
    assert wording.verdict(doubtful).startswith("Neither: no encoder is clearly better than TF-IDF")
    assert wording.yardstick(doubtful).endswith("is not shown to be worth its cost.")
    assert "Against TF-IDF" in wording.on_test(doubtful)


@pytest.mark.parametrize(
    ("name", "title", "said"),
    [
        ("accuracy", "accuracy", "accuracy 80.0%."),
        ("f1", "macro F1", "macro F1 80.0%."),
        ("recall:pos", "recall of pos", "balanced accuracy 80.0%."),
    ],
)
def test_what_a_constant_answer_reaches_is_said_by_the_metric_that_decides(name, title, said):
    metric = Deciding(
        name=name,
        title=title,
        is_higher_better=True,
        is_percentage=True,
        models={},
        constant=0.8,
        test=Interval(0.9),
    )
    assert wording.constant(dataclasses.replace(SUMMARY, metric=metric)).endswith(said)


def test_the_auc_of_several_classes_is_said_to_be_a_mean():
    labels = {"train": {"a": 1, "b": 2, "c": 3}}
    assert "AUC" in wording.averaged(dataclasses.replace(SUMMARY, labels=labels))
    assert "AUC" not in wording.averaged(SUMMARY)
