import csv

import memory
from measured_run import MeasuredRun


def test_reviews_are_as_many_as_asked_for_and_hardly_alike(tmp_path):
    memory.write_reviews(500, tmp_path / "reviews.csv")
    with (tmp_path / "reviews.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 500
    assert len({row["text"] for row in rows}) > 495
    assert [row["label"] for row in rows[:3]] == ["negative", "positive", "negative"]


def test_the_growth_is_the_ratio_of_peaks_and_is_traced_to_components():
    runs = {
        10: MeasuredRun("", {}, 60.0, 1000.0, {"Transform": 700.0, "Trainer.frozen": 900.0}),
        40: MeasuredRun("", {}, 120.0, 1200.0, {"Transform": 710.0, "Trainer.frozen": 1100.0}),
    }
    figures = {figure.name: figure for figure in memory.figures_of(10, 40, runs)}
    assert figures["peak memory, 40 over 10 reviews"].value == 1.2
    assert figures["peak grown by the end of Transform"].value == 10.0
    assert figures["peak grown by the end of Trainer.frozen"].value == 200.0
