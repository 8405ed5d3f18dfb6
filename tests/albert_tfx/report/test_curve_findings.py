"""Which model a figure's title names: one alone whose lead is clear by the paired intervals."""

import dataclasses

import pytest

from albert_tfx.evaluation.measurements import Interval
from albert_tfx.report import curve_plots
from tests.support import reports

UNCLEAR, CLEAR = Interval(0.01, -0.02, 0.04), Interval(0.2, 0.1, 0.3)


@pytest.mark.parametrize(
    ("find", "metric", "sign"),
    [
        (curve_plots.roc_finding, "auc", 1),
        (curve_plots.reliability_finding, "calibration_error", -1),
    ],
)
@pytest.mark.parametrize(
    ("over_frozen", "over_yardstick", "is_clear"),
    [(CLEAR, CLEAR, True), (UNCLEAR, CLEAR, False), (CLEAR, UNCLEAR, False)],
    ids=["clear", "as-frozen", "as-yardstick"],
)
def test_a_title_names_no_winner_where_an_interval_says_tie(
    find, metric, sign, over_frozen, over_yardstick, is_clear
):
    found = reports.make_with_yardstick().comparison

    def valued(model, value):
        return dataclasses.replace(model, intervals={**model.intervals, metric: Interval(value)})

    def signed(gain):
        return gain if sign > 0 else -gain

    best, worse = (0.9, 0.6) if sign > 0 else (0.02, 0.1)
    comparison = dataclasses.replace(
        found,
        fine_tuned=valued(found.fine_tuned, best),
        frozen=valued(found.frozen, worse),
        yardstick=valued(found.yardstick, worse),
        differences={metric: signed(over_frozen)},
        gains={"fine_tuned": {metric: signed(over_yardstick)}},
    )
    assert ("is not clear" in find(comparison)) is not is_clear
    assert find(comparison).startswith("Fine-tuned encoder") is is_clear
