"""Trainings that are killed, and end as if they had not been."""

import errno
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.modeling import fitting
from albert_tfx.modeling.fitting import BestBy
from tests.support import training

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder_of_undisturbed(tmp_path_factory):
    return tmp_path_factory.mktemp("undisturbed")


@pytest.fixture(scope="module")
def undisturbed(folder_of_undisturbed):
    return training.train(folder_of_undisturbed)


@pytest.fixture
def ended_folder(undisturbed, folder_of_undisturbed, tmp_path):
    """Folder of a training that has ended, to be changed at will."""
    return shutil.copytree(folder_of_undisturbed, tmp_path / "ended")


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.training", folder, *options],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_after(steps: int, folder: Path) -> None:
    """Ends a training by SIGKILL when it has taken so many steps."""
    with start(folder) as process:
        seen = 0
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            seen += line.startswith("step")
            if seen == steps:
                process.kill()
                return
            process.stdin.write("\n")
            process.stdin.flush()


# In the middle of the first epoch, at its last step, and in a later epoch.
@pytest.mark.slow
@pytest.mark.parametrize(("steps", "goes_on_from"), [(5, 3), (7, 6), (18, 17)])
def test_a_killed_training_ends_as_an_undisturbed_one(undisturbed, tmp_path, steps, goes_on_from):
    kill_after(steps, tmp_path)
    with start(tmp_path) as process:
        output, _ = process.communicate("\n" * 100)
    assert f"goes on from step {goes_on_from}\n" in output
    model, state = undisturbed
    ended = json.loads((tmp_path / "state.json").read_text())
    assert ended["epochs"] == state.epochs
    assert ended["best_epoch"] == state.best_epoch
    with np.load(tmp_path / "weights.npz") as weights:
        assert_same_weights(weights.values(), model.get_weights())


def assert_same_weights(found: Iterable[np.ndarray], expected: Iterable[np.ndarray]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_two_replicas_take_the_steps_of_one(undisturbed, tmp_path):
    with start(tmp_path, "2") as process:
        process.communicate("\n" * 100)
    model, state = undisturbed
    ended = json.loads((tmp_path / "state.json").read_text())
    for shared, alone in zip(ended["epochs"], state.epochs, strict=True):
        assert shared == pytest.approx(alone, rel=1e-3)
    with np.load(tmp_path / "weights.npz") as weights:
        for shared, alone in zip(weights.values(), model.get_weights(), strict=True):
            np.testing.assert_allclose(shared, alone, rtol=1e-2, atol=1e-3)


def test_the_weights_are_those_of_the_best_epoch(undisturbed):
    model, state = undisturbed
    assert len(state.epochs) == training.OPTIONS.epochs
    best = max(state.epochs, key=lambda epoch: epoch["val_accuracy"])
    assert state.epochs[state.best_epoch] == best
    batches = training.evaluation_batches(training.reviews(40, seed=2), 8, [6])
    measured = model.evaluate(batches, verbose=0, return_dict=True)
    assert measured["accuracy"] == pytest.approx(best["val_accuracy"])


def test_metrics_have_no_more_digits_than_float32_gives_them(undisturbed):
    _, state = undisturbed
    metrics = [value for epoch in state.epochs for value in epoch.values()]
    assert [str(value) for value in metrics] == [str(np.float32(value)) for value in metrics]


def test_a_training_that_ended_is_not_repeated(undisturbed, ended_folder, capsys):
    model, state = training.train(ended_folder, Refuse())
    assert f"goes on from step {state.step}\n" in capsys.readouterr().out
    assert_same_weights(model.get_weights(), undisturbed[0].get_weights())


class Refuse(tf.keras.callbacks.Callback):
    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        raise AssertionError(f"takes step {batch}")


def test_nothing_is_left_of_a_training_that_is_forgotten(ended_folder):
    assert list(ended_folder.iterdir())
    fitting.forget(str(ended_folder / "checkpoints"))
    assert not list(ended_folder.iterdir())


@pytest.mark.slow
def test_half_forgotten_it_begins_anew(undisturbed, ended_folder, monkeypatch, capsys):
    with monkeypatch.context() as stopped:
        stopped.setattr(fitting, "remove", lambda _: None)
        fitting.forget(str(ended_folder / "checkpoints"))
    assert list(ended_folder.glob("checkpoints/best-*"))
    model, _ = training.train(ended_folder)
    assert "goes on" not in capsys.readouterr().out
    assert_same_weights(model.get_weights(), undisturbed[0].get_weights())


class EndsAt(tf.keras.callbacks.Callback):
    """Ends a training by an error at a step, counted from the start of the process."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._left = step

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt


@pytest.fixture
def stopped_folder(tmp_path):
    """Folder of a training that was stopped in its third epoch."""
    with pytest.raises(KeyboardInterrupt):
        training.train(tmp_path, EndsAt(2 * training.STEPS_PER_EPOCH + 6))
    return tmp_path


class Notes(tf.keras.callbacks.Callback):
    """Notes the loss that each step is told."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        self.losses.append(logs["loss"])


def test_metrics_are_read_every_few_steps_and_at_the_end_of_an_epoch(
    tmp_path, undisturbed, monkeypatch
):
    monkeypatch.setattr(fitting, "STEPS_BETWEEN_READINGS", 4)
    told = Notes()
    model, state = training.train(tmp_path, told)
    of_epochs = np.reshape(told.losses, [len(state.epochs), training.STEPS_PER_EPOCH])
    for losses, row in zip(of_epochs, state.epochs, strict=True):
        assert np.flatnonzero(np.diff(losses)).tolist() == [3, 5]
        assert losses[-1] == pytest.approx(row["loss"])
    assert_same_weights(model.get_weights(), undisturbed[0].get_weights())


@pytest.mark.parametrize(("seconds_a_step", "in_an_epoch"), [(1, 1), (100, 3), (300, 7)])
def test_a_checkpoint_is_written_every_five_minutes_of_training(
    tmp_path, monkeypatch, seconds_a_step, in_an_epoch
):
    saved = []
    save = tf.train.CheckpointManager.save
    monkeypatch.setattr(
        tf.train.CheckpointManager, "save", lambda manager: saved.append(save(manager))
    )
    fitting.fit(
        training.build(),
        training.training_batches(training.reviews(64, seed=1), 8, 1, [6]),
        training.evaluation_batches(training.reviews(40, seed=2), 8, [6]),
        fitting.Plan(
            2, 7, BestBy.LOSS, str(tmp_path), clock=itertools.count(0, seconds_a_step).__next__
        ),
        [],
        on_resume=lambda _: None,
    )
    assert len(saved) == 2 * in_an_epoch


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "checkpoints").iterdir()}


def size(prefix: Path) -> int:
    return sum(path.stat().st_size for path in prefix.parent.glob(f"{prefix.name}.*"))


def test_of_a_stopped_training_its_last_checkpoint_and_its_best_weights_are_left(stopped_folder):
    folder = stopped_folder / "checkpoints"
    latest = Path(tf.train.latest_checkpoint(str(folder)))
    (best,) = {path.stem for path in folder.glob("best-*.index")}
    data = ".data-00000-of-00001"
    assert names(stopped_folder) == {
        "checkpoint",
        *(f"{name}{end}" for name in (latest.name, best) for end in (".index", data)),
    }
    assert size(folder / best) < size(latest) / 2


def test_leftovers_of_an_earlier_try_are_removed_before_training_goes_on(stopped_folder):
    folder = stopped_folder / "checkpoints"
    before = names(stopped_folder)
    (folder / "ckpt-9_temp").mkdir()
    (folder / "ckpt-9_temp" / "part-00000-of-00001.data-00000-of-00001").write_bytes(b"partial")
    (folder / "ckpt-5.index.tempstate123").write_bytes(b"partial")
    (folder / "best-7.data-00000-of-00001").write_bytes(b"not the best")
    with pytest.raises(KeyboardInterrupt):
        training.train(stopped_folder, EndsAt(0))
    assert names(stopped_folder) == before


def take_for_the_best(state: fitting.TrainingState, row: dict, _: BestBy) -> bool:
    state.best_epoch = len(state.epochs)
    state.epochs = [*state.epochs, row]
    return True


@pytest.mark.slow
@pytest.mark.parametrize("part", ["save", "save_best", "index"])
def test_a_full_disk_leaves_nothing_of_a_checkpoint_and_loses_nothing(
    part, stopped_folder, undisturbed, monkeypatch
):
    """Each try writes a part of its files, and cannot write the rest."""
    before = names(stopped_folder)
    folder = stopped_folder / "checkpoints"

    def fail(*_args, **_options):
        (folder / "ckpt-99_temp").mkdir()
        (folder / "best-3.data-00000-of-00001.tempstate7").write_bytes(b"partial")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        if part == "index":
            full.setattr(tf.train.CheckpointManager, "_record_state", fail)
        else:
            full.setattr(tf.train.Checkpoint, "write" if part == "save_best" else "_write", fail)
        full.setattr(fitting.TrainingState, "add", take_for_the_best)
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                training.train(stopped_folder)
            assert names(stopped_folder) == before
    model, _ = training.train(stopped_folder)
    assert_same_weights(model.get_weights(), undisturbed[0].get_weights())


@pytest.mark.slow
@pytest.mark.parametrize("damaged", ["ckpt-*.data*", "ckpt-*.index", "best-*.data*", "checkpoint"])
@pytest.mark.parametrize("length", [0, 100])
def test_a_damaged_checkpoint_is_no_end_but_a_new_beginning(
    damaged, length, stopped_folder, undisturbed, capsys
):
    (file,) = (stopped_folder / "checkpoints").glob(damaged)
    file.write_bytes(file.read_bytes()[:length])
    model, _ = training.train(stopped_folder)
    assert "goes on" not in capsys.readouterr().out
    assert_same_weights(model.get_weights(), undisturbed[0].get_weights())


@pytest.mark.parametrize(
    ("best_by", "metrics", "best"),
    [
        (BestBy.ACCURACY, [(0.6, 0.7), (0.7, 0.9), (0.65, 0.5)], 1),
        (BestBy.ACCURACY, [(0.7, 0.7), (0.7, 0.6), (0.7, 0.8)], 1),
        (BestBy.LOSS, [(0.6, 0.7), (0.7, 0.9), (0.65, 0.5)], 2),
        (BestBy.LOSS, [(0.6, 0.7), (0.7, 0.7), (0.6, 0.7)], 1),
        (BestBy.LOSS, [(0.5, float("nan")), (0.6, 0.7)], 1),
        (BestBy.ACCURACY, [(0.5, float("nan")), (0.5, float("nan"))], 0),
    ],
)
def test_the_best_epoch_is_so_by_its_metric_and_among_equals_by_the_other(best_by, metrics, best):
    state = fitting.TrainingState()
    for accuracy, loss in metrics:
        state.add({"val_accuracy": accuracy, "val_loss": loss}, best_by)
    assert state.best_epoch == best


def test_training_ends_where_its_schedule_does():
    """Epochs that bring nothing better end no training while its rate is still high."""
    state = fitting.TrainingState()
    plan = fitting.Plan(9, 1, BestBy.ACCURACY, checkpoints="")
    for epoch in range(9):
        assert not state.is_over(plan)
        state.add({"val_accuracy": 0.9 - epoch / 100, "val_loss": 0.5}, plan.best_by)
    assert state.is_over(plan)


def test_the_best_epoch_may_be_so_by_another_metric(tmp_path):
    values = iter([0.2, 0.9, 0.4])
    seen = []

    def measure(labels: np.ndarray, probabilities: np.ndarray) -> float:
        seen.append((labels, probabilities))
        return next(values)

    model = training.build()
    state = fitting.fit(
        model,
        training.training_batches(training.reviews(64, seed=1), 8, 1, [6]),
        training.evaluation_batches(training.reviews(40, seed=2), 8, [6]),
        fitting.Plan(3, 2, BestBy.METRIC, str(tmp_path / "checkpoints"), measure=measure),
        [],
        on_resume=lambda _: None,
    )
    assert [epoch["val_metric"] for epoch in state.epochs] == [0.2, 0.9, 0.4]
    assert state.best_epoch == 1
    labels, probabilities = seen[1]
    expected = np.concatenate([label for _, label in training.reviews(40, seed=2).batch(8)])
    assert labels.tolist() == expected.tolist()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    accuracy = (probabilities.argmax(axis=1) == labels).mean()
    assert accuracy == pytest.approx(state.epochs[1]["val_accuracy"], abs=1e-6)


def test_a_model_that_is_asked_about_many_texts_says_how_far_it_is():
    model = tf.keras.Sequential([tf.keras.Input([2]), tf.keras.layers.Dense(3)])
    texts = tf.data.Dataset.from_tensor_slices((tf.ones([5, 2]), tf.range(5)))
    told: list[int] = []
    labels, probabilities = fitting.answers(model, texts.batch(2), told.append)
    assert told == [2, 4, 5]
    np.testing.assert_array_equal(labels, range(5))
    np.testing.assert_allclose(probabilities.sum(axis=1), np.ones(5), rtol=1e-6)
