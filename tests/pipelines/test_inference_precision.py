"""What a whole run in bfloat16 leaves: its answers are those that it serves, and it says so."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.contract import EVAL, FINE_TUNED, FROZEN, MODEL_CARD_FILE, PAGE_FILE
from albert_tfx.encoders import conversion
from albert_tfx.report.summary import Summary
from albert_tfx.seeds import answers
from albert_tfx.seeds.answers import Answers
from albert_tfx.seeds.precision import PrecisionChange
from tests.support import hugging_face, runs
from tests.support.runs import Run, read_examples

pytestmark = pytest.mark.slow

TRAINERS = {model: f"Trainer.{model}" for model in (FROZEN, FINE_TUNED)}


@pytest.fixture(scope="module")
def rounded(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("rounded")
    # As many tokens and positions as the preprocessor of the tiny run has.
    sizes: dict[str, Any] = {"vocab_size": 8000, "max_position_embeddings": 64}
    conversion.convert(hugging_face.save(folder / "bert", "bert", **sizes), folder / "converted")
    of_encoder: dict[str, Any] = {
        "encoder": str(folder / "converted" / "encoder"),
        "inference_precision": "bfloat16",
    }
    of_trainer = {**of_encoder, "seeds": 1, "epochs": 1}
    config = runs.make_config(folder)
    config = dataclasses.replace(
        config,
        embedding=dataclasses.replace(config.embedding, **of_encoder),
        frozen=dataclasses.replace(config.frozen, **of_trainer),
        fine_tuned=dataclasses.replace(config.fine_tuned, **of_trainer),
    )
    return runs.run(config)


@pytest.mark.parametrize("model", TRAINERS)
def test_the_answers_that_are_kept_are_those_that_are_served(rounded: Run, model: str):
    features = [
        each.features.feature
        for each in read_examples(rounded.uri("DuplicateFinder", "examples"), EVAL)
    ]
    texts = [each["text"].bytes_list.value[0] for each in features]
    labels = np.array([each["label"].int64_list.value[0] for each in features])
    served = tf.saved_model.load(rounded.model(TRAINERS[model]))
    asked = served.signatures["classify_text"](text=tf.constant(texts))["probabilities"].numpy()
    expected = Answers.of(texts, labels, asked[np.newaxis])
    run = rounded.uri(TRAINERS[model], "model_run")
    kept = answers.load(run)[EVAL]
    kept.require_same_texts(expected)
    np.testing.assert_allclose(kept.probabilities, expected.probabilities, atol=0.01)
    change = PrecisionChange.load(run)
    assert change is not None
    assert change.examples == len(texts)
    assert change.accuracy.least < change.accuracy.most
    assert 0 < abs(change.log_loss.value) < 0.05


def test_the_report_and_the_card_tell_of_it(rounded: Run):
    folder = Path(rounded.uri("ComparisonReport", "report"))
    summary = Summary.load(folder)
    for model, trainer in TRAINERS.items():
        found = summary.models[model]
        assert found.inference_precision == "bfloat16"
        assert found.precision_change == PrecisionChange.load(rounded.uri(trainer, "model_run"))
    fine_tuned, width = summary.models[FINE_TUNED], hugging_face.HIDDEN
    # All but the means and variances of the head's two normalizations are trained.
    of_head = 2 * (width + rounded.config.fine_tuned.hidden_units)
    assert fine_tuned.parameters - fine_tuned.trainable_parameters == of_head
    assert "What bfloat16 changes" in (folder / PAGE_FILE).read_text()
    assert "| matrix products of its answers | bfloat16 |" in (folder / MODEL_CARD_FILE).read_text()
