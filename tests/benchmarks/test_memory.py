import csv

import memory
import pytest
import small_encoder
from measured_run import MeasuredRun

from albert_tfx.encoders import conversion

USED = {"Transform": 30.0, "Trainer.frozen": 40.0}


def test_reviews_are_as_many_as_asked_for_and_hardly_alike(tmp_path):
    memory.write_reviews(500, tmp_path / "reviews.csv")
    with (tmp_path / "reviews.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 500
    assert len({row["text"] for row in rows}) > 495
    assert [row["label"] for row in rows[:3]] == ["negative", "positive", "negative"]


def test_the_growth_is_the_ratio_of_peaks_and_is_traced_to_components():
    runs = {
        10: MeasuredRun("", {}, 60.0, 1000.0, {"Transform": 700.0, "Trainer.frozen": 900.0}, USED),
        40: MeasuredRun(
            "", {}, 120.0, 1200.0, {"Transform": 710.0, "Trainer.frozen": 1100.0}, USED
        ),
    }
    figures = {figure.name: figure for figure in memory.figures_of(10, 40, runs)}
    assert figures["peak memory, 40 over 10 reviews"].value == 1.2
    assert figures["peak grown by the end of Transform"].value == 10.0
    assert figures["peak grown by the end of Trainer.frozen"].value == 200.0


def test_the_cost_of_a_further_review_is_told_by_component():
    runs = {
        10: MeasuredRun("", {}, 60.0, 1.0, {}, USED),
        40: MeasuredRun("", {}, 120.0, 1.0, {}, {"Transform": 60.0, "Trainer.frozen": 130.0}),
    }
    figures = {figure.name: figure.value for figure in memory.figures_of(10, 40, runs)}
    assert figures["processor time, 40 reviews"] == 130 / 60
    assert figures["processor time a review, many over few"] == (130 / 40) / (40 / 10)
    assert figures["each further review, Transform"] == 1000.0
    assert figures["each further review, Trainer.frozen"] == 2000.0


@pytest.mark.slow
def test_the_small_encoder_is_one_that_the_pipeline_takes(tmp_path):
    folder = small_encoder.save(tmp_path / "encoder")
    made = conversion.convert(folder, tmp_path / "converted")
    assert made.positions == 64
    assert made.parameters < 200_000
