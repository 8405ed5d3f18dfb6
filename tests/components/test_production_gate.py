"""ProductionGate: what it blesses, with and without a model in production."""

import dataclasses
import json

import numpy as np
import pytest
from tfx.components.evaluator import constants
from tfx.types import standard_artifacts

from albert_tfx.contract import DECISION_FILE
from albert_tfx.evaluation.measurements import (
    Interval,
    ModelMetrics,
    ProductionComparison,
    paired_difference,
)
from albert_tfx.options import ProductionPolicy, encode
from albert_tfx.release import production
from albert_tfx.release.production import FINGERPRINT, Production, recorded
from albert_tfx.release.replacement import load_verdict
from albert_tfx.release.selection import Decision
from albert_tfx.seeds import answers as seeds_answers
from albert_tfx.seeds.answers import Answers
from albert_tfx.storage import write_json
from components import production_gate
from components.production_gate import ProductionGate
from tests.support import artifacts

SELECTED = Decision("fine_tuned", "fine_tuned", "sure_gain", "The fine-tuned encoder wins.")


def judge(evaluated, folder, decision=SELECTED, policy=None, **inputs):
    """Runs the gate on a model of the fingerprint `new`, and returns its blessing."""
    selected = artifacts.make_artifact(standard_artifacts.ModelBlessing, folder / "selected", 3)
    write_json(folder / "selected" / DECISION_FILE, dataclasses.asdict(decision))
    model = artifacts.make_artifact(standard_artifacts.Model, folder / "model", 2)
    model.set_string_custom_property(FINGERPRINT, "new")
    blessing = artifacts.make_artifact(standard_artifacts.ModelBlessing, folder / "blessing", 4)
    ProductionGate.test_call(
        model=model,
        model_blessing=selected,
        evaluation=evaluated.test_evaluation,
        blessing=blessing,
        policy=json.dumps(encode(policy or ProductionPolicy())),
        **inputs,
    )
    return blessing


def pushed(fingerprint: str):
    artifact = standard_artifacts.PushedModel()
    production.record(artifact, Production("model", fingerprint, "serving/7"))
    return artifact


def test_the_first_winner_passes(two_classes, tmp_path):
    blessing = judge(two_classes, tmp_path)
    assert blessing.get_int_custom_property("blessed") == 1
    assert load_verdict(blessing.uri).rule == "nothing_to_replace"
    assert recorded(blessing) is None


def test_the_first_winner_has_to_beat_the_same_answer_to_every_text(two_classes, tmp_path):
    blessing = judge(two_classes, tmp_path, policy=ProductionPolicy(min_gain_over_majority=0.6))
    assert blessing.get_int_custom_property("blessed") == 0
    verdict = load_verdict(blessing.uri)
    assert verdict.rule == "majority"
    assert "by more than 60 points" in verdict.reason


@pytest.mark.parametrize(
    ("fingerprint", "rule"), [("new", "already_served"), ("old", "nothing_to_replace")]
)
def test_what_is_in_production_is_handed_on(two_classes, tmp_path, fingerprint, rule):
    blessing = judge(two_classes, tmp_path, production=pushed(fingerprint))
    assert load_verdict(blessing.uri).rule == rule
    assert recorded(blessing) == Production("model", fingerprint, "serving/7")


def test_recipes_that_are_known_are_compared_in_place_of_two_models(
    two_classes, tmp_path, monkeypatch
):
    """The new model happens to be worse than the old one, though its recipe is better."""
    metrics = ModelMetrics(100, {each: Interval(0.5) for each in ("accuracy", "auc", "log_loss")})
    models = ProductionComparison(metrics, metrics, paired_difference(1, 9, 100))
    monkeypatch.setattr(production_gate, "load_production_comparison", lambda *_: models)
    for folder, accuracy in (("model/Format-Serving", 0.9), ("old", 0.6)):
        right = np.arange(100) < 100 * accuracy
        said = np.stack([~right, right], axis=1).astype(float)
        texts = [str(number).encode() for number in range(100)]
        recipe = Answers.of(texts, np.ones(100, np.int64), np.stack([said] * 3))
        seeds_answers.keep(str(tmp_path / folder), recipe)
    old = standard_artifacts.PushedModel()
    production.record(old, Production(str(tmp_path / "old"), "old", "serving/7"))

    verdict = load_verdict(judge(two_classes, tmp_path, production=old).uri)

    assert (verdict.passed, verdict.rule) == (True, "not_worse")
    assert "+30.0 points" in verdict.reason
    assert verdict.reason.endswith(
        "by 3 trainings of it and 3 of that one, on the 100 test texts that both answered."
    )


def test_a_model_that_the_selector_refused_does_not_pass(two_classes, tmp_path):
    refused = dataclasses.replace(SELECTED, winner=None)
    blessing = judge(two_classes, tmp_path, refused)
    assert blessing.get_int_custom_property("blessed") == 0
    assert {each.name for each in (tmp_path / "blessing").iterdir()} == {
        *("NOT_BLESSED", "decision.json", "verdict.json")
    }


def test_a_blessing_has_the_names_that_tfx_gives_it():
    assert (production.BLESSED_FILE, production.NOT_BLESSED_FILE) == (
        constants.BLESSED_FILE_NAME,
        constants.NOT_BLESSED_FILE_NAME,
    )
    assert (production.BLESSED, production.CURRENT_MODEL, production.CURRENT_MODEL_ID) == (
        constants.ARTIFACT_PROPERTY_BLESSED_KEY,
        constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY,
        constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY,
    )
    assert (constants.BLESSED_VALUE, constants.NOT_BLESSED_VALUE) == (1, 0)


def test_production_is_optional():
    assert ProductionGate.SPEC_CLASS.INPUTS["production"].optional
