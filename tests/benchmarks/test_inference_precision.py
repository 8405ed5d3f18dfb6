import pytest
from inference_precision import EMBEDDING, figures_of


def test_bfloat16_is_held_against_float32_in_turn():
    found = {(EMBEDDING, "float32"): [2.0, 3.0, 9.0], (EMBEDDING, "bfloat16"): [1.0, 2.0, 3.0]}
    figures = figures_of(found, "here")
    by_name = {figure.name: figure.value for figure in figures}
    assert by_name["embedding, here, float32"] == pytest.approx(3.0)
    assert by_name["embedding, here, bfloat16 over float32"] == pytest.approx(2.0)
