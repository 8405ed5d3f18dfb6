"""What the figures are said not to show."""

import dataclasses

import pytest

from albert_tfx.evaluation.measurements import Interval
from albert_tfx.report.convergence import Convergence
from albert_tfx.report.summary import Settings
from albert_tfx.report.wording import limits
from tests.support import summaries
from tests.support.summaries import SUMMARY, changed

LOSS, CHANCE = Interval(-0.025, -0.04, -0.01), Interval(-0.025, -0.06, 0.01)


def test_a_training_that_has_not_converged_is_a_limit_where_the_verdict_stands():
    fine_tuned = dataclasses.replace(
        SUMMARY.models["fine_tuned"], convergence=Convergence.STILL_FALLING
    )
    models = {**SUMMARY.models, "fine_tuned": fine_tuned}
    statement = "A longer training may give another result."
    reason = limits.statements(changed(models=models))[statement]
    assert "its loss still falls steeply" in reason
    assert "--fine-tuned-epochs" in reason
    assert statement not in limits.statements(changed(models=models), has_encoder=False)
    assert statement not in limits.statements(changed(models=models, caution="Train longer."))
    assert statement not in limits.statements(SUMMARY)


@pytest.mark.parametrize(("accuracy", "is_said"), [(LOSS, True), (CHANCE, False)])
def test_accuracy_that_bfloat16_certainly_costs_is_a_limit(accuracy, is_said):
    summary = summaries.rounded(accuracy)
    reason = limits.statements(summary).get("bfloat16 costs accuracy.", "")
    assert ("For the fine-tuned encoder, the whole interval" in reason) is is_said
    assert "bfloat16 costs accuracy." not in limits.statements(summary, has_encoder=False)


@pytest.mark.parametrize(("dataset", "is_said"), [("sample_reviews", True), ("tickets", False)])
def test_the_sample_reviews_are_a_limit_of_their_own_runs(dataset, is_said):
    settings = Settings(
        dataset=dataset, sequence_length=8, truncation="head", class_weights="none", batch_size={}
    )
    said = limits.statements(changed(settings=settings))
    assert ("The sample reviews are no real ones." in said) is is_said
