"""What is said of the texts, and of the test split."""

import dataclasses

from albert_tfx.evaluation.measurements import TestComparison
from albert_tfx.report.summary import Fates
from albert_tfx.report.wording import splits
from tests.support import summaries
from tests.support.summaries import ALIKE, BETTER, SUMMARY, changed, on_two_splits


def test_texts_of_two_labels_are_said():
    found = dataclasses.replace(
        summaries.DUPLICATES, contradicting={"train": {"test": 3, "train": 2}, "eval": {"test": 1}}
    )
    summary = changed(duplicates=found)
    assert splits.duplicates(summary) == (
        "taken out: 1 of eval, 1,234 of train; with another label than the same text has before: "
        "3 of train, 1 of eval"
    )


def test_texts_within_others_are_named_where_they_are_many():
    reviews = {"train": {"0": Fates(kept=950, exact=40, near=10)}}
    found = dataclasses.replace(summaries.DUPLICATES, reviews=reviews)
    few = dataclasses.replace(found, contained={"train": {"test": 10}})
    assert splits.contained(changed(duplicates=few)) == ""
    many = dataclasses.replace(found, contained={"train": {"test": 100, "eval": 0}})
    said = splits.contained(changed(duplicates=many))
    assert said.startswith("100 of train lie within one of test, which may flatter both models.")
    assert said.endswith("such as by --group-column.")
    assert splits.contained(changed(duplicates=None)) == ""


def test_nothing_is_said_of_duplicates_that_were_not_looked_for():
    assert splits.duplicates(changed(duplicates=None)) == ""


def test_a_difference_on_test_says_of_how_many_trainings_it_is():
    tested = TestComparison(
        SUMMARY.models["frozen"].metrics, SUMMARY.models["fine_tuned"].metrics, BETTER
    )
    once = changed(test_comparison=tested)
    assert "mean of" not in splits.on_test(once)
    several = dataclasses.replace(once, seeds=3)
    assert splits.on_test(several).endswith("there, the mean of 3 trainings.")


def test_the_test_split_tells_how_the_selected_model_compares_with_the_yardstick():
    reached = f"{summaries.YARDSTICK.test.accuracy.value:.1%}"
    shown = on_two_splits(BETTER)
    assert splits.on_test(shown).endswith(
        f"there. Against TF-IDF, which reaches {reached} there, the fine-tuned encoder changes "
        "accuracy by +7.7 points (+4.1 to +11.3, without training's chance)."
    )
    assert "Against TF-IDF" in splits.on_test(on_two_splits(ALIKE))
