"""What the whole pipeline leaves, asserted on one real run."""

import csv
import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub

from albert_tfx import contract
from albert_tfx.modeling.classifier import build_head
from albert_tfx.modeling.fitting import TrainingHistory
from albert_tfx.options import ProductionPolicy
from albert_tfx.prediction import scoring
from albert_tfx.release.selection import Decision, load_decision
from albert_tfx.seeds import answers
from albert_tfx.seeds.answers import Answers
from pipelines.config import PipelineConfig
from tests.support import models, runs
from tests.support.runs import Run, read_examples

pytestmark = pytest.mark.slow

TRAINERS = {model: f"Trainer.{model}" for model in (contract.FROZEN, contract.FINE_TUNED)}
_PREDICT = """
import json, sys
import tensorflow as tf, tensorflow_text
model = tf.saved_model.load(sys.argv[1])
texts = json.load(sys.stdin)
answer = model.signatures["classify_text"](text=tf.constant(texts))
print(json.dumps(answer["probabilities"].numpy().tolist()))
"""


@pytest.fixture(scope="module")
def texts(finished: Run) -> list[str]:
    return texts_of(read_examples(finished.uri("TfdsExampleGen", "examples"), "eval"))


@pytest.fixture(scope="module")
def labels(finished: Run) -> np.ndarray:
    examples = read_examples(finished.uri("TfdsExampleGen", "examples"), "eval")
    return np.array([e.features.feature["label"].int64_list.value[0] for e in examples])


def texts_of(examples: list[tf.train.Example]) -> list[str]:
    return [e.features.feature["text"].bytes_list.value[0].decode() for e in examples]


def probabilities(model: str, texts: list[str]) -> np.ndarray:
    """Asks the exported model as a client would."""
    classify = tf.saved_model.load(model).signatures["classify_text"]
    return classify(text=tf.constant(texts))["probabilities"].numpy()


def accuracy(model: str, texts: list[str], labels: np.ndarray) -> float:
    return float((probabilities(model, texts).argmax(axis=1) == labels).mean())


def encoder_weights(model: str) -> list[np.ndarray]:
    return [v.numpy() for v in tf.saved_model.load(model).encoder_variables]


def original_weights(finished: Run) -> list[np.ndarray]:
    return [v.numpy() for v in hub.load(finished.config.embedding.encoder).variables]


def test_every_component_completes(finished: Run):
    assert len(finished.states) == 20
    assert set(finished.states.values()) == {"COMPLETE"}


def test_the_frozen_encoder_does_not_move_by_one_bit(finished: Run):
    before, after = original_weights(finished), encoder_weights(finished.model("Trainer.frozen"))
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_fine_tuned_encoder_moves(finished: Run):
    before = original_weights(finished)
    after = encoder_weights(finished.model("Trainer.fine_tuned"))
    moved = [bool((old != new).any()) for old, new in zip(before, after, strict=True)]
    # Mean pooling leaves the encoder's own pooler without a gradient, and biases do not decay.
    assert moved == [True] * (len(moved) - 1) + [False]


@pytest.mark.parametrize("model", TRAINERS)
def test_the_exported_model_is_the_trained_one(finished: Run, texts, labels, model: str):
    history = TrainingHistory.load(finished.uri(TRAINERS[model], "model_run"))
    exported = accuracy(finished.model(TRAINERS[model]), texts, labels)
    assert exported == pytest.approx(history.epochs[history.best_epoch]["val_accuracy"], abs=1e-6)


def test_the_pushed_model_answers_alike_in_a_fresh_process(finished: Run, texts):
    version = finished.pushed_model
    decision = load_decision(finished.uri("ModelSelector", "blessing"))
    result = subprocess.run(
        [sys.executable, "-c", _PREDICT, str(version)],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TF_USE_LEGACY_KERAS": "1"},
    )
    expected = probabilities(finished.model(TRAINERS[decision.selected]), texts)
    np.testing.assert_allclose(json.loads(result.stdout), expected, atol=1e-6)


def test_both_signatures_give_the_same_answer_with_the_classes_named(finished: Run, texts):
    model = tf.saved_model.load(finished.model("Trainer.fine_tuned"))
    examples = read_examples(finished.uri("TfdsExampleGen", "examples"), "eval")
    serialized = tf.constant([example.SerializeToString() for example in examples])
    by_example = model.signatures["serving_default"](examples=serialized)
    by_text = model.signatures["classify_text"](text=tf.constant(texts))
    np.testing.assert_array_equal(by_example["probabilities"], by_text["probabilities"])
    np.testing.assert_allclose(by_text["probabilities"].numpy().sum(axis=1), 1, atol=1e-6)
    assert by_text["labels"].numpy().tolist() == [[b"negative", b"positive"]] * len(texts)


@pytest.mark.parametrize("text", ["", "word " * 2000, "日本語の映画 — très élégant 🎬", "<br />"])
def test_any_text_gets_an_answer(finished: Run, text: str):
    answer = probabilities(finished.model("Trainer.fine_tuned"), [text, "a lovely film"])
    assert np.isfinite(answer).all()


@pytest.mark.parametrize("model", TRAINERS)
def test_a_text_that_tells_nothing_gets_the_shares_of_the_classes(finished: Run, model: str):
    train = read_examples(finished.uri("Transform", "transformed_examples"), "train")
    labels = [e.features.feature["label"].int64_list.value[0] for e in train]
    asked = ["", "a lovely film", "日本語", " <br />"]
    answer = probabilities(finished.model(TRAINERS[model]), asked)
    shares = np.bincount(labels) / len(labels)
    np.testing.assert_allclose(answer[[0, 2, 3]], [shares] * 3, atol=1e-6)
    assert np.abs(answer[1] - shares).max() > 0.01


@pytest.mark.parametrize("model", TRAINERS)
def test_what_the_comparison_counts_is_what_is_served(finished: Run, model: str):
    examples = read_examples(finished.uri("Transform", "transformed_examples"), "eval")
    labels = np.array([e.features.feature["label"].int64_list.value[0] for e in examples])
    asked = probabilities(finished.model(TRAINERS[model]), texts_of(examples))
    served = Answers.of([t.encode() for t in texts_of(examples)], labels, asked[np.newaxis])
    run = finished.uri(TRAINERS[model], "model_run")
    history = TrainingHistory.load(run)
    exported = [each["seed"] for each in history.seeds].index(history.seed)
    counted = answers.load(run)["eval"].probabilities[exported]
    np.testing.assert_allclose(counted, served.probabilities[0], atol=1e-5)


def test_serving_tokenises_as_transform_did(finished: Run):
    """Fails where the graph in the exported model gives other ids than training saw."""
    examples = read_examples(finished.uri("Transform", "transformed_examples"), "eval")
    rows = [list(e.features.feature["input_word_ids"].int64_list.value) for e in examples]
    assert {len(row) for row in rows} > {runs.SEQUENCE_LENGTH}
    assert all(row[0] == 2 and row[-1] == 3 for row in rows)
    model = tf.saved_model.load(finished.model("Trainer.fine_tuned"))
    ids = tf.ragged.constant(rows, dtype=tf.int32).to_tensor()
    by_ids = model.classify_ids(ids).numpy()
    by_text = probabilities(finished.model("Trainer.fine_tuned"), texts_of(examples))
    np.testing.assert_allclose(by_ids, by_text, atol=1e-5)


def test_the_frozen_model_equals_the_head_on_the_vectors(finished: Run):
    examples = read_examples(finished.uri("EmbeddingGen", "embeddings"), "eval")
    vectors = [e.features.feature["pooled_output"].float_list.value for e in examples]
    head = build_head(finished.config.frozen, models.WIDTH, classes=2)
    trained = tf.saved_model.load(finished.model("Trainer.frozen")).head_variables
    head.set_weights([variable.numpy() for variable in trained])
    history = TrainingHistory.load(finished.uri("Trainer.frozen", "model_run"))
    assert history.calibration is not None
    logits = head(tf.constant(vectors), training=False)
    by_vector = tf.nn.softmax(logits / history.calibration.temperature)
    by_text = probabilities(finished.model("Trainer.frozen"), texts_of(examples))
    np.testing.assert_allclose(by_vector, by_text, atol=1e-5)


def test_the_winner_is_the_one_that_the_numbers_say(finished: Run, texts, labels):
    decision: Decision = load_decision(finished.uri("ModelSelector", "blessing"))
    measured = {
        model: accuracy(finished.model(trainer), texts, labels)
        for model, trainer in TRAINERS.items()
    }
    assert measured[contract.FINE_TUNED] > measured[contract.FROZEN] + 0.2
    assert decision.winner == contract.FINE_TUNED
    summary = json.loads(
        Path(finished.uri("ComparisonReport", "report"), "summary.json").read_text()
    )
    assert summary["winner"] == contract.FINE_TUNED
    for model, value in measured.items():
        assert summary["models"][model]["accuracy"] == pytest.approx(value, abs=1e-6)


def test_the_difference_is_the_mean_over_the_trainings(summary):
    assert summary["seeds"] == 2
    reached = {
        (each["model"], each["seed"]): (each["eval"], each["test"]) for each in summary["by_seed"]
    }
    differences = np.mean(
        [
            np.subtract(reached[contract.FINE_TUNED, seed], reached[contract.FROZEN, seed])
            for seed in (1, 2)
        ],
        axis=0,
    )
    measured = [
        each["value"]
        for each in (summary["difference"]["accuracy"], summary["test_comparison"]["difference"])
    ]
    assert measured == pytest.approx(differences.tolist(), abs=1e-6)


@pytest.mark.parametrize("model", TRAINERS)
@pytest.mark.parametrize("split", ["eval", "test"])
def test_the_exported_model_is_the_training_that_did_best_on_eval(
    finished: Run, summary, model, split
):
    examples = read_examples(finished.uri("DuplicateFinder", "examples"), split)
    given = [e.features.feature["label"].int64_list.value[0] for e in examples]
    exported = accuracy(finished.model(TRAINERS[model]), texts_of(examples), np.array(given))
    trainings = [each for each in summary["by_seed"] if each["model"] == model]
    history = TrainingHistory.load(finished.uri(TRAINERS[model], "model_run"))
    [best] = [each for each in trainings if each["seed"] == history.seed]
    assert best[split] == pytest.approx(exported, abs=1e-6)
    merits = {each["seed"]: (each["val_accuracy"], -each["val_loss"]) for each in history.seeds}
    if model == contract.FINE_TUNED:
        assert merits[history.seed] == max(merits.values())


@pytest.fixture(scope="module")
def summary(finished: Run) -> dict:
    report = finished.uri("ComparisonReport", "report")
    return json.loads(Path(report, "summary.json").read_text())


def test_reviews_that_leaked_into_train_are_reported_and_not_trained_on(finished: Run, summary):
    duplicates = summary["duplicates"]
    assert duplicates["exact"] == {"train": {"eval": 2, "test": 4}}
    assert duplicates["near"] == {}
    assert duplicates["removed"]["train"] == {"exact": 6, "near": 0}
    assert summary["examples"] == {"train": 240, "eval": 60, "test": 60}
    folders = {
        "TfdsExampleGen": finished.uri("TfdsExampleGen", "examples"),
        "Transform": finished.uri("Transform", "transformed_examples"),
        "EmbeddingGen": finished.uri("EmbeddingGen", "embeddings"),
    }
    assert {name: len(read_examples(uri, "train")) for name, uri in folders.items()} == {
        "TfdsExampleGen": 246,
        "Transform": 240,
        "EmbeddingGen": 240,
    }


def test_the_yardstick_is_measured_on_the_same_reviews(summary):
    yardstick = summary["yardstick"]
    assert yardstick["train_examples"] == 240
    assert {split: yardstick[split]["examples"] for split in ("eval", "test")} == {
        "eval": summary["models"]["frozen"]["examples"],
        "test": summary["test"]["examples"],
    }
    assert yardstick["eval"]["accuracy_lower"] <= yardstick["eval"]["accuracy"] <= 1


def test_each_epoch_is_in_the_history_and_in_tensorboards_logs(finished: Run):
    folder = finished.uri("Trainer.fine_tuned", "model_run")
    history = TrainingHistory.load(folder)
    assert len(history.epochs) <= finished.config.fine_tuned.epochs
    assert set(history.epochs[0]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert list(Path(folder).rglob("events.out.tfevents.*"))


def test_a_run_with_nothing_changed_is_cached_whole(finished: Run):
    again = runs.run(finished.config)
    # A Resolver looks anew each time, and has to find the same.
    assert again.states.pop("Resolver.production") == "COMPLETE"
    assert set(again.states.values()) == {"CACHED"}
    assert again.uris == finished.uris
    assert len(list(Path(finished.config.serving).iterdir())) == 1


def test_another_rate_of_the_frozen_head_runs_what_depends_on_it_alone(finished: Run):
    frozen = dataclasses.replace(finished.config.frozen, head_learning_rate=0.01)
    again = runs.run(dataclasses.replace(finished.config, frozen=frozen))
    cached = {name for name, state in again.states.items() if state == "CACHED"}
    assert {
        "TfdsExampleGen",
        "DuplicateFinder",
        "Yardstick",
        "StatisticsGen",
        "ImportSchemaGen",
        "StrictExampleValidator",
        "Transform",
        "EmbeddingGen",
        "ImportExampleGen",
        "Trainer.fine_tuned",
    } == cached
    # The winner is the model that is in production already, whichever run selected it.
    assert len(list(Path(finished.config.serving).iterdir())) == 1


def test_texts_are_scored_by_the_winner_in_their_order(finished: Run, tmp_path: Path):
    target = tmp_path / "predictions.csv"
    scored = finished.uri("BulkInferrer", "output_examples")
    assert finished.config.scoring is not None
    count = scoring.publish(finished.config.scoring, scored, target)
    rows = list(csv.DictReader(target.open(encoding="utf-8", newline="")))
    expected = [text for text, _ in runs.reviews(70, seed=4)]
    expected.insert(1, "")
    assert count == len(rows) == 71
    assert [row["text"] for row in rows] == expected
    answers = probabilities(str(finished.pushed_model), expected)
    assert [row["label"] for row in rows] == [
        ("negative", "positive")[index] for index in answers.argmax(axis=1)
    ]
    np.testing.assert_allclose(
        [float(row["probability"]) for row in rows], answers.max(axis=1), atol=1e-5
    )


def retrained(config: PipelineConfig, loss: float, **training: Any) -> dict:
    """Trains both models anew in a run of its own; returns `summary.json`."""
    frozen, fine_tuned = (
        dataclasses.replace(each, **training) for each in (config.frozen, config.fine_tuned)
    )
    policy = ProductionPolicy(max_production_loss=loss)
    again = runs.run(
        dataclasses.replace(config, frozen=frozen, fine_tuned=fine_tuned, production_policy=policy)
    )
    report = Path(again.uri("ComparisonReport", "report"))
    return json.loads((report / "summary.json").read_text())


def test_the_gate_compares_recipes_of_two_real_runs_and_lets_pass_or_refuses(
    finished: Run, tmp_path: Path
):
    output = shutil.copytree(finished.config.output, tmp_path / "output")
    config = dataclasses.replace(finished.config, output=str(output))
    compared = "by 2 trainings of it and 2 of that one, on the 60 test texts that both answered."

    second = retrained(config, loss=1.0, seed=7)
    assert second["production"]["passed"]
    assert second["production"]["pushed_model"] == str(finished.pushed_model)
    assert second["production"]["reason"].endswith(compared)
    assert second["pushed"]

    useless = {"head_learning_rate": 1e-7, "encoder_learning_rate": 1e-7}
    third = retrained(config, loss=0.0, **useless)
    assert (third["production"]["passed"], third["production"]["rule"]) == (False, "worse")
    assert third["production"]["pushed_model"] == second["pushed_model"]
    assert compared.rstrip(".") in third["production"]["reason"]
    assert not third["pushed"]
