import pytest
from compiled_embedding import COMPILED, PLAIN, figures_of


def test_break_even_is_in_tokens_of_the_batches_that_pay_for_compiling():
    found = {PLAIN: [9.0, 3.0, 3.0], COMPILED: [21.0, 1.0, 1.0]}
    by_name = {figure.name: figure.value for figure in figures_of(found, 8, 2)}
    assert by_name["compiling, 2 x 8"] == pytest.approx(20)
    assert by_name["break-even, 2 x 8"] == pytest.approx(10 * 16)


def test_what_gains_nothing_never_pays():
    found = {PLAIN: [1.0, 1.0], COMPILED: [5.0, 1.5]}
    assert figures_of(found, 8, 2)[-1].value == float("inf")
