import pytest

from albert_tfx.evaluation.measurements import Interval
from albert_tfx.evaluation.metrics import METRICS
from albert_tfx.release import notation

SHARE, OTHER = METRICS["accuracy"], METRICS["log_loss"]
MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("write", "of_a_share", "of_another"),
    [
        (lambda metric: notation.value(metric, 0.8125), "81.2%", "0.812"),
        (lambda metric: notation.floor(metric, 0.8), "80%", "0.8"),
        (lambda metric: notation.number(metric, -0.052), f"{MINUS}5.2", f"{MINUS}0.052"),
        (lambda metric: notation.change(metric, 0.052), "+5.2 points", "+0.052"),
        (lambda metric: notation.amount(metric, -0.052), "5.2 points", "0.052"),
        (lambda metric: notation.step(metric, -0.035), f"{MINUS}3.5 points", f"{MINUS}0.035"),
        (lambda metric: notation.step(metric, -0.0), "0", "0"),
        (
            lambda metric: notation.bounded_value(metric, Interval(0.5, 0.25, 0.75)),
            "50.0% (25.0% to 75.0%)",
            "0.500 (0.250 to 0.750)",
        ),
        (
            lambda metric: notation.bounded_change(metric, Interval(0.1, -0.1, 0.3)),
            f"+10.0 points ({MINUS}10.0 to +30.0)",
            f"+0.100 ({MINUS}0.100 to +0.300)",
        ),
        (lambda metric: notation.bounded_value(metric, Interval(0.5)), "50.0%", "0.500"),
        (lambda metric: notation.bounded_change(metric, Interval(0.1)), "+10.0 points", "+0.100"),
    ],
)
def test_a_figure_is_written_by_what_it_is_of(write, of_a_share, of_another):
    assert (write(SHARE), write(OTHER)) == (of_a_share, of_another)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (notation.number(SHARE, 0.0004, beside=0), "+0.04"),
        (notation.number(SHARE, -0.00001, beside=0), f"{MINUS}0.001"),
        (notation.number(SHARE, 0.0, beside=0), "0"),
        (notation.number(SHARE, 0.04, beside=0), "+4.0"),
        (notation.number(OTHER, 0.0501, beside=0.05), "+0.0501"),
        (notation.value(SHARE, 0.80996, beside=0.81), "80.996%"),
        (notation.value(SHARE, 0.81, beside=0.81), "81.0%"),
    ],
)
def test_a_figure_has_as_many_decimals_as_tell_it_from_what_it_is_compared_with(written, expected):
    assert written == expected


def test_what_no_number_is_has_no_digits():
    assert notation.points(float("nan")) == "undefined"
    assert notation.points(float("nan"), beside=0) == "undefined"
