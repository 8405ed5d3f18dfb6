"""What the combiners keep, however Beam splits the reviews among them."""

import io
import math
from typing import Any

import numpy as np
import pytest
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.metrics.metric_types import MetricComputation, MetricKey
from tensorflow_model_analysis.proto import config_pb2

from albert_tfx.evaluation import measurements, tfma_config, tfma_metrics
from albert_tfx.evaluation.metrics import METRICS, Estimate, Metric
from albert_tfx.evaluation.tfma_metrics import (
    Disagreements,
    Mistakes,
    PairedOutcomes,
    Predictions,
    decode_predictions,
    decode_texts,
)
from albert_tfx.options import SelectionPolicy
from pipelines.local.console import Screen
from tests.support import data, reports

CONFIG = config_pb2.EvalConfig(
    model_specs=[
        config_pb2.ModelSpec(name="fine_tuned"),
        config_pb2.ModelSpec(name="frozen", is_baseline=True),
    ]
)
MODELS = ["fine_tuned", "frozen"]


def make_extracts(text: str, label: int, fine_tuned: float, frozen: float) -> dict:
    """Returns a review as TFMA hands it to a metric; the models give `pos` these probabilities."""
    names = np.array([b"neg", b"pos"], dtype=object)
    return {
        constants.FEATURES_KEY: {
            "text": np.array([text.encode()], dtype=object),
            "label": np.array([label]),
        },
        constants.PREDICTIONS_KEY: {
            model: {
                "probabilities": np.array([1 - positive, positive], np.float32),
                "labels": names,
            }
            for model, positive in (("fine_tuned", fine_tuned), ("frozen", frozen))
        },
    }


def draw_extracts(reviews: int) -> list[dict]:
    random = np.random.default_rng(seed=2)
    return [
        make_extracts(f"review {index}", index % 2, *random.random(2)) for index in range(reviews)
    ]


def measure(metric, extracts: list[dict], parts: int = 1) -> dict[MetricKey, object]:
    """Combines the reviews in `parts` accumulators, the last one merged first."""
    first, *derived = metric.computations(eval_config=CONFIG, model_names=MODELS)
    derived = [each for each in derived if not isinstance(each, MetricComputation)]
    assert isinstance(first, MetricComputation)
    (preprocessor,) = first.preprocessors
    combiner, accumulators = first.combiner, []
    for part in range(parts):
        accumulator = combiner.create_accumulator()
        for each in extracts[part::parts]:
            accumulator = combiner.add_inputs(accumulator, list(preprocessor.process(each)))
        accumulators.append(accumulator)
    empty = combiner.create_accumulator()
    merged = combiner.merge_accumulators([empty, *reversed(accumulators)])
    found = combiner.extract_output(merged)
    for computation in derived:
        found |= computation.result(found)
    return found


def by_name(found: dict[MetricKey, Any]) -> dict[str, Any]:
    return {key.name: value for key, value in found.items()}


def test_outcomes_are_counted_in_pairs():
    extracts = [
        make_extracts("both right", 1, 0.9, 0.8),
        make_extracts("gained", 1, 0.9, 0.2),
        make_extracts("gained too", 0, 0.1, 0.7),
        make_extracts("lost", 0, 0.6, 0.4),
    ]
    found = measure(PairedOutcomes(), extracts, parts=2)
    assert by_name(found) == {"gained": 2, "lost": 1, "flipped": 3}
    assert all(key.model_name == "fine_tuned" and key.is_diff for key in found)


def test_all_predictions_are_kept_in_rows_that_belong_together():
    extracts = draw_extracts(40)
    table = decode_predictions(by_name(measure(Predictions(), extracts))["predictions"])
    assert table.class_names == ("neg", "pos")
    rows = {
        (int(label), *map(float, (fine_tuned[1], frozen[1])))
        for label, fine_tuned, frozen in zip(
            table.labels,
            table.probabilities["fine_tuned"],
            table.probabilities["frozen"],
            strict=True,
        )
    }
    assert rows == {
        (
            int(each["features"]["label"][0]),
            *(float(each["predictions"][model]["probabilities"][1]) for model in MODELS),
        )
        for each in extracts
    }


@pytest.mark.parametrize("metric", [Predictions, Disagreements, Mistakes, PairedOutcomes])
def test_nothing_depends_on_how_beam_splits_the_reviews(metric, monkeypatch):
    monkeypatch.setattr(tfma_metrics, "MAX_PREDICTIONS", 25)
    extracts = draw_extracts(120)
    expected = measure(metric(), extracts)
    assert measure(metric(), extracts[::-1], parts=7) == expected


def test_sample_of_predictions_is_as_large_as_it_may_be_and_random(monkeypatch):
    monkeypatch.setattr(tfma_metrics, "MAX_PREDICTIONS", 300)
    extracts = draw_extracts(2000)
    table = decode_predictions(by_name(measure(Predictions(), extracts))["predictions"])
    assert len(table.labels) == 300
    assert table.labels.mean() == pytest.approx(0.5, abs=0.09)  # three standard errors
    assert table.probabilities["frozen"][:, 1].mean() == pytest.approx(0.5, abs=0.05)


def test_metrics_are_derived_for_each_model():
    found = measure(Predictions(), draw_extracts(200))
    derived = {(key.model_name, key.name) for key in found if key.name != "predictions"}
    assert derived == {
        (model, metric)
        for model in MODELS
        for metric in ("auc", "precision", "recall", "f1", "calibration_error")
    }
    assert all(0 <= value <= 1 for value in found.values() if isinstance(value, float))


def test_surest_disagreements_come_first(monkeypatch):
    monkeypatch.setattr(tfma_metrics, "MAX_DISAGREEMENTS", 2)
    extracts = [
        make_extracts("unsure", 1, 0.55, 0.45),
        make_extracts("one is sure", 1, 0.99, 0.49),
        make_extracts("both are", 0, 0.97, 0.04),
        make_extracts("they agree", 0, 0.99, 0.99),
        make_extracts("both, less", 0, 0.2, 0.8),
        make_extracts("undefined", 0, math.nan, 0.9),
    ]
    found = by_name(measure(Disagreements(), extracts, parts=3))
    reviews = decode_texts(found["disagreements"])
    assert [review["text"] for review in reviews] == ["both are", "both, less"]
    assert reviews[0]["label"] == 0
    assert reviews[0]["probabilities"]["frozen"] == pytest.approx([0.96, 0.04])


def test_each_models_surest_mistakes_come_first(monkeypatch):
    monkeypatch.setattr(tfma_metrics, "MAX_DISAGREEMENTS", 2)
    extracts = [
        make_extracts("right", 1, 0.99, 0.99),
        make_extracts("a little", 1, 0.45, 0.9),
        make_extracts("plainly", 0, 0.97, 0.1),
        make_extracts("undefined", 0, math.nan, 0.2),
        make_extracts("rather", 1, 0.2, 0.8),
    ]
    computations = Mistakes().computations(eval_config=CONFIG, model_names=["fine_tuned"])
    assert [key.model_name for each in computations for key in each.keys] == ["fine_tuned"]
    found = by_name(measure(Mistakes(), extracts, parts=2))
    texts = decode_texts(found["mistakes"])
    assert [each["text"] for each in texts] == ["plainly", "rather"]
    assert texts[0]["label"] == 0
    assert texts[0]["probabilities"]["fine_tuned"] == pytest.approx([0.03, 0.97])


def test_long_texts_are_cut(monkeypatch):
    monkeypatch.setattr(tfma_metrics, "MAX_CHARACTERS", 8)
    extracts = [make_extracts("\u00e4" * 9, 1, 0.9, 0.1), make_extracts("x" * 8, 1, 0.8, 0.1)]
    found = by_name(measure(Disagreements(), extracts))
    texts = [review["text"] for review in decode_texts(found["disagreements"])]
    assert texts == ["\u00e4" * 7 + "\u2026", "x" * 8]


def test_model_alone_has_no_pairs():
    alone = config_pb2.EvalConfig(model_specs=[config_pb2.ModelSpec()])
    for metric in (PairedOutcomes(), Disagreements()):
        assert metric.computations(eval_config=alone, model_names=[""]) == []


def test_names_that_the_configuration_repeats_are_those_of_the_classes_and_of_tfma():
    (spec,) = tfma_config.winner_config(SelectionPolicy()).metrics_specs
    ours = {each.class_name for each in spec.metrics if each.module == tfma_metrics.__name__}
    assert ours == {
        each.__name__ for each in (Predictions, PairedOutcomes, Disagreements, Mistakes)
    }
    (model, _) = tfma_config.winner_config(SelectionPolicy()).model_specs
    assert model.model_type == constants.TF_GENERIC


def test_a_metric_that_is_declared_is_measured_shown_and_kept(monkeypatch):
    def brier_score(labels: np.ndarray, probabilities: np.ndarray) -> Estimate:
        scores = ((np.eye(2)[labels] - probabilities) ** 2).sum(axis=1)
        return Estimate(scores.mean(), scores - scores.mean())

    brier = Metric(
        "brier", "Brier score", "Mean squared error", brier_score, higher_is_better=False,
        bounds=(0, 2), in_terminal=True,
    )  # fmt: skip
    monkeypatch.setitem(METRICS, "brier", brier)
    _, derived = Predictions().computations(eval_config=CONFIG, model_names=MODELS)
    assert {key.model_name for key in derived.keys if key.name == "brier"} == set(MODELS)
    scores = data.draw_scores(reviews=400, classes=2)
    measured = measurements.measure(scores.labels, scores.probabilities("frozen"))
    lower, upper = data.bounds(measured["brier"])
    assert 0 < lower < measured["brier"].value < upper < 2
    assert measurements.ModelMetrics.from_record(measured.record()) == measured
    found = reports.make()
    assert "brier" in found.summary.difference
    assert "Brier score (less is better)" in found.page()
    terminal = io.StringIO()
    Screen(terminal).conclude(found.summary, "out")
    assert "log loss  Brier score  training" in terminal.getvalue()
