"""What `--check` says that a run will cost."""

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf

from albert_tfx.options import TrainerOptions
from albert_tfx.tuning import cost

ROWS = {"train": 320, "eval": 40, "test": 40}
OF_A_TEXT = 1 / 8  # of a second, as the clock goes on by one second for eight texts


class FourLayers:
    """In place of an encoder of four layers."""

    def __init__(self, *arguments: Any) -> None:
        self.trained_share = (arguments[-1] or 4) / 4

    def __call__(self, ids: tf.Tensor) -> tf.Tensor:
        return ids


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., float]:
    monkeypatch.setattr(cost, "PooledEncoder", FourLayers)
    monkeypatch.setattr(time, "perf_counter", itertools.count().__next__)

    def estimated(**more: Any) -> float:
        options = TrainerOptions("fine_tuned", "any", epochs=2, batch_size=32, **more)
        return cost.estimate(options, 1000, 20, ROWS).seconds

    return estimated


def test_every_training_of_a_recipe_takes_its_time(seconds: Callable[..., float]):
    of_a_training = 2 * (3 * 320 + 40) * OF_A_TEXT
    assert seconds(seeds=3) - seconds() == pytest.approx(2 * of_a_training)


def test_layers_that_are_not_trained_have_no_gradients(seconds: Callable[..., float]):
    assert seconds() - seconds(unfreeze=1) == pytest.approx(2 * 320 * 2 * 3 / 4 * OF_A_TEXT)
