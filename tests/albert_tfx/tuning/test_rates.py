"""Rates that are tried on a part of the training texts."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.contract import INPUT_WORD_IDS, LABEL
from albert_tfx.modeling import batches, training
from albert_tfx.modeling.training import TrainingFiles
from albert_tfx.options import AUTO_RATE, TrainerOptions
from albert_tfx.tuning import rates
from tests.support import models

TEXTS = 120
BATCH_SIZE = 4


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return models.save_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Token ids whose label is whether the first is among the lower half of the vocabulary."""
    file = tmp_path_factory.mktemp("texts") / "ids.gz"
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(file), options) as writer:
        for ids in np.random.default_rng(1).integers(5, 105, [TEXTS, 6]):
            example = tf.train.Example()
            example.features.feature[INPUT_WORD_IDS].int64_list.value.extend(ids)
            example.features.feature[LABEL].int64_list.value.append(int(ids[0] < 55))
            writer.write(example.SerializeToString())
    return str(file)


@pytest.fixture
def files(texts: str, tmp_path: Path) -> TrainingFiles:
    return TrainingFiles([texts], ["no-file"], "graph", str(tmp_path / "component" / "run" / "1"))


def options(encoder: str, **more) -> TrainerOptions:
    settings: dict[str, Any] = {
        "encoder_learning_rate": AUTO_RATE,
        "sequence_length": 8,
        "dropout": 0.0,
        "precision": "float32",
        **more,
    }
    return TrainerOptions("fine_tuned", encoder, batch_size=BATCH_SIZE, **settings)


def long(encoder: str, **more) -> TrainerOptions:
    return options(encoder, epochs=50, **more)


@pytest.mark.slow
def test_the_rate_of_the_least_loss_is_chosen_once_for_all_seeds(
    encoder, files, monkeypatch, tmp_path
):
    chosen, trials = rates.choose(long(encoder), 2, files)

    first, last = trials[:3], trials[3:]
    assert [trial.rate for trial in first] == [1e-4, 3e-5, 3e-4]
    best_of_first = sorted(first, key=lambda trial: trial.loss)[:2]
    assert [trial.rate for trial in last] == [trial.rate for trial in best_of_first]
    assert chosen == long(
        encoder, encoder_learning_rate=min(last, key=lambda trial: trial.loss).rate
    )

    again = dataclasses.replace(files, logs=str(tmp_path / "component" / "run" / "2"))
    with monkeypatch.context() as refusing:
        refusing.setattr(training, "configure", _refuse)
        assert rates.choose(long(encoder, seed=2), 2, again) == (
            dataclasses.replace(chosen, seed=2),
            trials,
        )
        with pytest.raises(AssertionError, match="trains"):
            rates.choose(long(encoder, weight_decay=0.5), 2, again)
    elsewhere = dataclasses.replace(files, logs=str(tmp_path / "other" / "run" / "1"))
    assert rates.choose(long(encoder), 2, elsewhere)[1] == trials


def _refuse(*_: object) -> None:
    raise AssertionError("trains")


@pytest.mark.slow
def test_a_search_that_was_stopped_repeats_no_round(encoder, files, monkeypatch):
    steps = []
    configure = training.configure

    def stop_in_the_second_round(model, options, total_steps, planned_steps):
        steps.append(total_steps)
        if len(steps) == 4:
            raise KeyboardInterrupt
        configure(model, options, total_steps, planned_steps)

    monkeypatch.setattr(training, "configure", stop_in_the_second_round)
    with pytest.raises(KeyboardInterrupt):
        rates.choose(long(encoder), 2, files)
    rates.choose(long(encoder), 2, files)
    assert steps == [40, 40, 40, 80, 80, 80]


@pytest.mark.slow
def test_trials_compute_the_encoder_as_the_training_that_follows_does(encoder, files, monkeypatch):
    asked = []
    monkeypatch.setattr(training, "engine_pays", lambda _, steps, width: asked.append(steps))
    rates.choose(long(encoder), 2, files)
    assert set(asked) == {50 * TEXTS // BATCH_SIZE}


@pytest.mark.slow
def test_trials_weigh_classes_as_the_training_that_follows_does(encoder, files, monkeypatch):
    plain = rates.choose(long(encoder), 2, files)[1]
    monkeypatch.setattr(batches, "balanced_weights", lambda _: [1.0, 9.0])
    weighted = rates.choose(long(encoder, class_weights="balanced"), 2, files)[1]
    assert [trial.loss for trial in weighted] != [trial.loss for trial in plain]
    assert [trial.rate for trial in weighted[:3]] == [trial.rate for trial in plain[:3]]


def test_a_short_training_takes_the_rate_of_the_encoders_size(encoder, files, monkeypatch):
    monkeypatch.setattr(training, "configure", _refuse)
    short = options(encoder, epochs=1)
    assert rates.choose(short, 2, files) == (
        dataclasses.replace(short, encoder_learning_rate=1e-4),
        (),
    )
    monkeypatch.setattr(rates, "_SMALL_ENCODER", 1000)
    assert rates.choose(short, 2, files)[0].encoder_learning_rate == 3e-5


def test_a_rate_that_was_given_is_kept(encoder, files):
    given = options(encoder, encoder_learning_rate=0.5)
    assert rates.choose(given, 2, files) == (given, ())
    frozen = TrainerOptions("frozen", encoder)
    assert rates.choose(frozen, 2, files) == (frozen, ())


def test_a_loss_that_is_no_number_is_the_worst():
    trials = [rates.Trial(1.0, 1, float("nan")), rates.Trial(2.0, 1, 9.0)]
    assert min(trials, key=lambda trial: trial.order).rate == 2.0
