"""What `--check` says that a run will cost."""

import itertools
import time
from typing import Any

import pytest

from albert_tfx.options import TrainerOptions
from albert_tfx.tuning import cost


def test_every_training_of_a_recipe_takes_its_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cost, "PooledEncoder", lambda *_: lambda ids: ids)
    monkeypatch.setattr(time, "perf_counter", itertools.count().__next__)
    rows = {"train": 320, "eval": 40, "test": 40}

    def seconds(**more: Any) -> float:
        options = TrainerOptions("fine_tuned", "any", epochs=2, batch_size=32, **more)
        return cost.estimate(options, 1000, 20, rows).seconds

    of_a_text = 1 / 8  # of a second, as the clock goes on by one second for eight texts
    of_a_training = 2 * (3 * 320 + 40) * of_a_text
    assert seconds(seeds=3) - seconds() == pytest.approx(2 * of_a_training)
