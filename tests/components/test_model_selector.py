"""ModelSelector on a real evaluation, and Pusher and the Evaluator on what it gives."""

import dataclasses
import json
import shutil
import types
from pathlib import Path

import pytest
import tensorflow as tf
from tfx.components.pusher import executor as pusher
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from albert_tfx.contract import ALL_NAMES
from albert_tfx.errors import InputError
from albert_tfx.options import SelectionPolicy, encode
from albert_tfx.release.selection import load_decision
from components.model_selector import ModelSelector
from tests.support import artifacts, kills


def run_selector(evaluated, folder: Path, policy: SelectionPolicy, **others):
    """Runs the component and returns its model and blessing."""
    model = artifacts.make_artifact(standard_artifacts.Model, folder / "model", 11)
    blessing = artifacts.make_artifact(standard_artifacts.ModelBlessing, folder / "blessing", 12)
    ModelSelector.test_call(
        frozen_model=evaluated.frozen_model,
        fine_tuned_model=evaluated.fine_tuned_model,
        evaluation=evaluated.evaluation,
        model=model,
        blessing=blessing,
        policy=json.dumps(encode(policy)),
        **others,
    )
    return model, blessing


def files(folder: str) -> dict[str, bytes]:
    root = Path(folder)
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


def push(model, blessing, folder: Path):
    pushed = artifacts.make_artifact(standard_artifacts.PushedModel, folder / "pushed")
    destination = pusher_pb2.PushDestination(
        filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(folder / "serving"))
    )
    pusher.Executor().Do(
        {"model": [model], "model_blessing": [blessing]},
        {"pushed_model": [pushed]},
        {"push_destination": proto_utils.proto_to_json(destination)},
    )
    return pushed


@pytest.mark.parametrize(
    ("min_gain", "winner"), [(0.0, "fine_tuned"), (0.9, "frozen")], ids=["gain", "no gain"]
)
def test_winner_is_copied_blessed_and_pushed(two_classes, tmp_path, min_gain, winner):
    model, blessing = run_selector(two_classes, tmp_path, SelectionPolicy(min_gain=min_gain))
    assert files(model.uri) == files(getattr(two_classes, f"{winner}_model").uri)
    assert load_decision(blessing.uri).winner == winner
    assert set(files(blessing.uri)) == {"BLESSED", "decision.json"}
    assert (
        blessing.get_string_custom_property("current_model")
        == getattr(two_classes, f"{winner}_model").uri
    )

    pushed = push(model, blessing, tmp_path)
    served = tf.saved_model.load(pushed.get_string_custom_property("pushed_destination"))
    assert "probabilities" in served.signatures["serving_default"].structured_outputs


def test_model_below_the_floor_is_selected_but_not_pushed(two_classes, tmp_path):
    model, blessing = run_selector(two_classes, tmp_path, SelectionPolicy(min_accuracy=0.99))
    decision = load_decision(blessing.uri)
    assert (decision.selected, decision.winner) == ("fine_tuned", None)
    assert decision.rule == "min_accuracy"
    assert files(model.uri) == files(two_classes.fine_tuned_model.uri)
    assert set(files(blessing.uri)) == {"NOT_BLESSED", "decision.json"}

    pushed = push(model, blessing, tmp_path)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not (tmp_path / "serving").exists()


@pytest.mark.parametrize(
    ("metric", "winner", "change"),
    [
        ("macro_f1", "fine_tuned", "changes macro F1"),
        ("balanced_accuracy", "fine_tuned", "changes balanced accuracy"),
        ("log_loss", "fine_tuned", "lowers log loss"),
        ("recall:class 1", "frozen", "changes recall of class 1"),
    ],
)
def test_another_metric_decides(four_classes, tmp_path, metric, winner, change):
    _, blessing = run_selector(four_classes, tmp_path, SelectionPolicy(metric=metric))
    decision = load_decision(blessing.uri)
    assert (decision.winner, decision.metric) == (winner, metric)
    assert f"{ALL_NAMES[winner].capitalize()} wins: fine-tuning {change} by +" in decision.reason


def test_a_winner_below_the_yardstick_is_refused_where_that_is_asked(two_classes, tmp_path):
    yardstick = artifacts.save_report_inputs(tmp_path / "inputs", two_classes.examples)["yardstick"]
    policy = SelectionPolicy(min_gain_over_yardstick=0.5)
    _, blessing = run_selector(two_classes, tmp_path, policy, yardstick=yardstick)
    decision = load_decision(blessing.uri)
    assert (decision.selected, decision.winner) == ("fine_tuned", None)
    assert decision.rule == "yardstick"


@pytest.mark.parametrize(("candidates", "winner"), [("all", "yardstick"), ("albert", "fine_tuned")])
def test_the_yardstick_may_win_where_it_is_a_candidate(two_classes, tmp_path, candidates, winner):
    result, yardstick = artifacts.train_yardstick(tmp_path / "made", two_classes.examples, 2)
    policy = SelectionPolicy(candidates=candidates)
    model, blessing = run_selector(
        two_classes, tmp_path, policy, yardstick=result, yardstick_model=yardstick
    )
    assert load_decision(blessing.uri).selected == winner
    selected = yardstick if winner == "yardstick" else getattr(two_classes, f"{winner}_model")
    assert files(model.uri) == files(selected.uri)
    assert blessing.get_string_custom_property("current_model") == selected.uri


def test_a_candidate_that_is_missing_is_refused(two_classes, tmp_path):
    with pytest.raises(InputError, match="needs the answers of TF-IDF"):
        run_selector(two_classes, tmp_path, SelectionPolicy(candidates="all"))


def test_interrupted_copy_leaves_no_model(two_classes, tmp_path, monkeypatch):
    def break_off(source: str, destination: str) -> None:
        Path(destination).mkdir()
        (Path(destination) / "saved_model.pb").touch()
        raise OSError("No space left on device")

    monkeypatch.setattr("albert_tfx.storage._copy", break_off)
    with pytest.raises(OSError, match="No space"):
        run_selector(two_classes, tmp_path, SelectionPolicy())
    assert not (tmp_path / "model" / "Format-Serving").exists()
    assert files(str(tmp_path / "blessing")) == {}


def select(folder: str, frozen: str, fine_tuned: str, evaluation: str) -> None:
    inputs = types.SimpleNamespace(
        frozen_model=artifacts.make_artifact(standard_artifacts.Model, Path(frozen)),
        fine_tuned_model=artifacts.make_artifact(standard_artifacts.Model, Path(fine_tuned)),
        evaluation=artifacts.make_artifact(standard_artifacts.ModelEvaluation, Path(evaluation)),
    )
    run_selector(inputs, Path(folder), SelectionPolicy())


def published(folder: Path) -> dict[str, bytes]:
    return {n: each for n, each in files(str(folder)).items() if ".partial" not in n}


@pytest.mark.slow
def test_a_selection_that_is_killed_at_any_step_leaves_each_file_whole_or_absent(
    two_classes, tmp_path
):
    inputs = two_classes.frozen_model, two_classes.fine_tuned_model, two_classes.evaluation
    uris, folder = [each.uri for each in inputs], tmp_path / "run"
    model, killed, seen = files(two_classes.fine_tuned_model.uri), 0, set()
    for _ in kills.at_each_step(select, folder, *uris):
        killed += 1
        copied, blessing = published(folder / "model"), published(folder / "blessing")
        assert copied in ({}, model)
        assert set(blessing) in (set(), {"decision.json"}, {"decision.json", "BLESSED"})
        assert not blessing or copied == model
        assert not blessing or load_decision(str(folder / "blessing")).winner == "fine_tuned"
        seen.add((len(copied), len(blessing)))
        select(str(folder), *uris)
        assert files(str(folder / "model")) == model
        shutil.rmtree(folder)
    assert killed > 10
    assert seen == {(0, 0), (len(model), 0), (len(model), 1), (len(model), 2)}


def test_folder_without_evaluation_is_refused(two_classes, tmp_path):
    empty = artifacts.make_artifact(standard_artifacts.ModelEvaluation, tmp_path / "empty")
    with pytest.raises(InputError, match="holds no evaluation"):
        run_selector(
            dataclasses.replace(two_classes, evaluation=empty), tmp_path, SelectionPolicy()
        )


def test_unknown_policy_option_is_refused(two_classes, tmp_path):
    with pytest.raises(InputError, match="min_gains"):
        ModelSelector.test_call(
            None, None, two_classes.evaluation, None, None, '{"min_gains": 0.1}'
        )
