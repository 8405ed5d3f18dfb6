"""The verdict, and what is said before it."""

import dataclasses

import pytest

from albert_tfx.contract import NAMES
from albert_tfx.evaluation.measurements import Interval
from albert_tfx.release.selection import Rule
from albert_tfx.report.convergence import Convergence
from albert_tfx.report.wording import verdict
from tests.support.summaries import (
    ALIKE,
    BETTER,
    SUMMARY,
    WON,
    WORSE,
    answered,
    by_log_loss,
    changed,
    on_two_splits,
)

GAIN, LOSS = Interval(0.05, 0.03, 0.07), Interval(-0.05, -0.07, -0.03)


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_has_words(rule):
    winner = "frozen" if rule == Rule.ONLY_DEFINED else WON.get(rule)
    answer = winner if winner in NAMES else "neither"
    summary = changed(rule=rule, winner=winner, answer=answer)
    assert verdict.rule(summary)
    said = verdict.headline(summary)
    assert said not in ("Serve neither model", "Serve the frozen encoder")
    assert said.startswith("Serve neither model") is (winner is None)
    assert "sure" not in said
    assert "certain" not in said


def test_a_rule_unknown_here_has_a_verdict_all_the_same():
    assert verdict.rule(changed(rule="news")) == ""
    assert verdict.headline(changed(rule="news")) == "Serve the fine-tuned encoder"
    assert verdict.headline(changed(rule="news", winner=None)) == "Serve neither model"


def test_the_three_answers_are_given_with_their_uncertainty():
    difference = {"accuracy": BETTER}
    assert verdict.headline(
        answered("fine_tuned", "sure_gain", BETTER, BETTER, difference=difference)
    ) == (
        "Fine-tune: it changes accuracy by +7.7 points (+4.1 to +11.3, without training's chance)"
    )
    difference = {"accuracy": ALIKE}
    assert verdict.headline(
        answered("frozen", "no_sure_gain", BETTER, BETTER, difference=difference)
    ) == (
        "Keep the encoder frozen: fine-tuning changes accuracy by +1.0 points "
        "(\N{MINUS SIGN}2.0 to +4.0, without training's chance)"
    )
    assert verdict.headline(answered("neither", "sure_gain", WORSE, WORSE, pushed=False)) == (
        "Neither: TF-IDF is clearly better than the frozen encoder, by 7.7 points of accuracy "
        "(4.1 to 11.3, without training's chance)"
    )
    assert verdict.headline(answered("neither", "sure_gain", WORSE, ALIKE, pushed=False)) == (
        "Neither: no encoder is clearly better than TF-IDF; against it, the fine-tuned encoder "
        "changes accuracy by +1.0 points (\N{MINUS SIGN}2.0 to +4.0, without training's chance)"
    )


def test_what_is_pushed_though_word_counts_are_better_is_said_first():
    said = verdict.headline(answered("neither", "sure_gain", WORSE, WORSE, pushed=True))
    assert said.startswith("Neither: TF-IDF is clearly better than the ")
    assert said.endswith("; yet the fine-tuned encoder was pushed")


def test_a_yardstick_that_was_pushed_is_said_so():
    said = verdict.headline(answered("neither", "yardstick_not_beaten", WORSE, ALIKE, pushed=True))
    assert said.startswith("Neither: no encoder is clearly better than TF-IDF; ")
    assert said.endswith("; TF-IDF was pushed")
    unknown = Interval(float("nan"))
    said = verdict.headline(answered("neither", "yardstick_not_beaten", unknown, unknown))
    assert said == "Neither: no encoder has a defined difference to TF-IDF; TF-IDF was pushed"


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
    models = dict(SUMMARY.models)
    models[unfinished] = dataclasses.replace(
        models[unfinished], convergence=Convergence.STILL_FALLING
    )
    summary = changed(models=models, difference={"accuracy": difference}, rule="no_sure_gain")
    summary = dataclasses.replace(summary, caution=verdict.caution(summary))
    assert (NAMES[unfinished] in summary.caution) is is_told
    assert verdict.headline(summary).startswith("No verdict yet") is is_told


def test_each_sign_of_an_unfinished_training_has_words():
    fine_tuned = SUMMARY.models["fine_tuned"]
    said = {
        verdict.caution(
            changed(models={"fine_tuned": dataclasses.replace(fine_tuned, convergence=each)})
        )
        for each in Convergence
    }
    assert len(said) == len(Convergence)
    assert "" in said


@pytest.mark.parametrize(
    ("winner", "end"),
    [("yardstick", "; TF-IDF was pushed"), ("frozen", "; yet the frozen encoder was pushed")],
)
def test_what_was_pushed_is_said_though_there_is_no_verdict_yet(winner, end):
    said = verdict.headline(changed(caution="Train longer.", winner=winner))
    assert said == f"No verdict yet: a training has not converged{end}"
    said = verdict.headline(changed(caution="Train longer.", winner=winner, pushed=False))
    assert said == "No verdict yet: a training has not converged"


def test_with_several_seeds_the_chance_of_training_is_in_the_interval():
    summary = answered("fine_tuned", "sure_gain", BETTER, BETTER, difference={"accuracy": BETTER})
    several = dataclasses.replace(summary, seeds=3)
    assert verdict.headline(several).endswith("+7.7 points (+4.1 to +11.3)")


def test_a_metric_of_which_less_is_better_is_put_into_words():
    assert "changes log loss by \N{MINUS SIGN}0.100 (\N{MINUS SIGN}0.150 to" in (
        verdict.headline(by_log_loss())
    )


def test_a_test_split_that_tells_more_than_eval_is_heard():
    assert verdict.headline(on_two_splits(BETTER)) == (
        "Neither by eval, which decides: no encoder is clearly better than TF-IDF there; on test "
        "the fine-tuned encoder is: it changes accuracy by +7.7 points (+4.1 to +11.3, without "
        "training's chance)"
    )


def test_a_test_split_that_speaks_for_the_yardstick_is_heard_as_well():
    assert verdict.headline(on_two_splits(WORSE)) == (
        "Neither: no encoder is clearly better than TF-IDF on eval, and on test TF-IDF is clearly "
        "better than the fine-tuned encoder, by 7.7 points of accuracy (4.1 to 11.3, without "
        "training's chance)"
    )


def test_a_test_split_that_tells_no_more_changes_no_verdict():
    said = verdict.headline(on_two_splits(ALIKE))
    assert said.startswith("Neither: no encoder is clearly better than TF-IDF")


def test_the_paragraph_with_the_verdict_s_own_reason_comes_first():
    of_yardstick, of_encoders = "The yardstick, TF-IDF", "On the 400 texts of the eval split"
    first, second = verdict.reasons(SUMMARY)
    assert first.startswith(of_encoders)
    assert second.startswith(of_yardstick)
    first, second = verdict.reasons(on_two_splits(BETTER))
    assert first.startswith(of_yardstick)
    assert second.startswith(of_encoders)
