"""Every figure of a run's page, by scikit-learn from the models that the run exported."""

import csv
from collections import Counter
from pathlib import Path

import drawn_tickets
import pytest
import recompute_page


@pytest.mark.slow
def test_every_figure_of_the_page_is_that_of_scikit_learn(finished):
    figures = {
        each.name: each.value for each in recompute_page.compare(Path(finished.config.output))
    }
    names = ("accuracy", "recall", "precision", "f1", "auc", "log_loss", "calibration_error")
    of_class = ("texts", "precision", "recall", "f1")
    assert set(figures) == {
        *(f"largest difference, {name}" for name in names),
        *(f"largest difference, {name} of a class" for name in of_class),
        "largest difference, confusion",
        "largest difference of all",
    }
    assert figures["largest difference of all"] < recompute_page.TOLERANCE


def test_messages_are_of_three_classes_in_the_shares_that_are_stated(tmp_path):
    for name in ("one", "again"):
        drawn_tickets.write(tmp_path / name, 2_000, seed=1)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "again").read_bytes()
    with (tmp_path / "one").open(encoding="utf-8", newline="") as file:
        counts = Counter(row["label"] for row in csv.DictReader(file))
    assert {name: count / 2_000 for name, count in counts.items()} == pytest.approx(
        drawn_tickets.SHARES, abs=0.03
    )
