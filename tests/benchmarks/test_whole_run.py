import dataclasses

import whole_run
from measured_run import MeasuredRun

from albert_tfx.evaluation.measurements import TestComparison
from tests.support.summaries import SUMMARY


def figures(summary):
    measured = MeasuredRun("", summary, seconds=60, peak_memory=0)
    listed = whole_run.figures_of(measured, is_sample=False)
    found = {figure.name: figure.value for figure in listed}
    assert len(found) == len(listed)
    return found


def test_both_recipes_and_the_yardstick_are_quoted_on_test():
    assert SUMMARY.yardstick is not None
    frozen, fine_tuned = (SUMMARY.models[name].metrics for name in ("frozen", "fine_tuned"))
    gained = SUMMARY.difference["accuracy"]
    compared = dataclasses.replace(
        SUMMARY, test_comparison=TestComparison(frozen, fine_tuned, gained)
    )
    found = figures(compared)
    assert found["frozen, test"] == frozen["accuracy"].value
    assert found["fine_tuned, test"] == fine_tuned["accuracy"].value != found["frozen, test"]
    assert found["gained on test, lower"] == gained.lower
    assert found["yardstick, test"] == SUMMARY.yardstick.test["accuracy"].value


def test_what_a_run_does_not_know_is_not_quoted():
    found = figures(dataclasses.replace(SUMMARY, test_comparison=None, yardstick=None))
    assert not {"frozen, test", "yardstick, test", "gained on test, value"} & found.keys()
