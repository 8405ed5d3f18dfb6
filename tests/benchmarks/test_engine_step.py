import pytest
from engine_step import ENGINE, SAVED_MODEL, figures_of


def test_break_even_is_what_compiling_takes_over_what_a_step_gains():
    found = {ENGINE: [1.0, 1.0, 1.0], SAVED_MODEL: [2.0, 3.0, 3.0]}
    figures = figures_of(found, {ENGINE: 31.0, SAVED_MODEL: 13.0}, "here")
    by_name = {figure.name: figure.value for figure in figures}
    assert by_name["step, here, SavedModel over engine"] == pytest.approx(3.0)
    assert by_name["compiling, here"] == pytest.approx(20.0)
    assert by_name["break-even, here"] == pytest.approx(10.0)


def test_what_gains_nothing_never_pays():
    found = {ENGINE: [2.0], SAVED_MODEL: [1.0]}
    figures = figures_of(found, {ENGINE: 9.0, SAVED_MODEL: 1.0}, "here")
    assert figures[-1].value == float("inf")
