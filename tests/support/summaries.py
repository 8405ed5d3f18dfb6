"""What a run may have found; see `albert_tfx.report.summary`."""

import dataclasses
from typing import Any

from albert_tfx.encoders.resolution import Description
from albert_tfx.evaluation.measurements import Interval, ModelMetrics, TestComparison
from albert_tfx.release.selection import Rule
from albert_tfx.report.summary import (
    Deciding,
    Duplicates,
    ModelSummary,
    ProductionSummary,
    Removed,
    Summary,
    TestSummary,
    YardstickSummary,
)
from albert_tfx.seeds.precision import PrecisionChange

NOTHING = float("nan")
# What fine-tuning changes, or an encoder gains over the yardstick.
BETTER, WORSE, ALIKE = (
    Interval(0.077, 0.041, 0.113),
    Interval(-0.077, -0.113, -0.041),
    Interval(0.01, -0.02, 0.04),
)
# The winner by each rule that gives one.
WON = {
    Rule.SURE_GAIN: "fine_tuned",
    Rule.NO_SURE_GAIN: "frozen",
    Rule.SLICE_LOSS: "frozen",
    Rule.YARDSTICK_NOT_BEATEN: "yardstick",
}
COST: dict[str, Any] = {
    "model_bytes": 5_400_000,
    "latency_seconds": 0.0042,
    "slow_latency_seconds": 0.0061,
}


def metrics(accuracy: Interval, auc: float, log_loss: float, examples: int) -> ModelMetrics:
    intervals = {"accuracy": accuracy, "auc": Interval(auc), "log_loss": Interval(log_loss)}
    return ModelMetrics(examples, intervals)


def trained(measured: ModelMetrics, seconds: float, parameters: int) -> ModelSummary:
    return ModelSummary(
        metrics=measured,
        train_seconds=seconds,
        trainable_parameters=parameters,
        parameters=11_683_584,
        best_epoch=0,
        training_precision="float32",
        epochs=({"loss": 0.5, "accuracy": 0.8, "val_loss": 0.5, "val_accuracy": 0.8},),
        **COST,
    )


YARDSTICK = YardstickSummary(
    train_seconds=0.9,
    train_examples=3_600,
    trainable_parameters=25_001,
    parameters=524_290,
    model_bytes=4_194_320,
    latency_seconds=0.0008,
    slow_latency_seconds=0.0011,
    eval=metrics(Interval(0.75, 0.73, 0.77), 0.8, 0.6, 400),
    test=metrics(Interval(0.74, 0.72, 0.76), 0.8, 0.6, 1_500),
    gain={
        "frozen": {"accuracy": Interval(0.062, 0.04, 0.08)},
        "fine_tuned": {"accuracy": Interval(0.125, 0.1, 0.15)},
    },
)
ENCODER = Description(
    handle=f"hf://owner/model@{'c0ffee' * 6}c0de",
    model_type="bert",
    revision=f"{'c0ffee' * 6}c0de",
    parameters=22_713_216,
    hidden_size=384,
    positions=512,
    has_pooled_output=True,
    fingerprint="0123456789abcdef",
)
DUPLICATES = Duplicates(
    exact={},
    near={},
    removed={
        "eval": Removed(exact=1, near=0),
        "test": Removed(exact=0, near=0),
        "train": Removed(exact=1200, near=34),
    },
    reviews={},
    keep=False,
    near_similarity=0.8,
    shingle_words=3,
    pairs=(),
)
SUMMARY = Summary(
    winner="fine_tuned",
    selected="fine_tuned",
    pushed=True,
    pushed_model="out/serving/7",
    rule="sure_gain",
    reason="it gains 0.063",
    models={
        "frozen": trained(metrics(Interval(0.812, 0.79, 0.83), 0.9, 0.5, 400), 12.3, 8_385),
        "fine_tuned": trained(
            metrics(Interval(0.875, 0.86, 0.89), NOTHING, 0.25, 400), 1234.6, 11_683_584
        ),
    },
    difference={"accuracy": Interval(0.063, -0.01, 0.135)},
    flip_rates=None,
    slices=(),
    test=TestSummary(model="fine_tuned", metrics=metrics(Interval(0.87), NOTHING, NOTHING, 1_500)),
    production=ProductionSummary(
        passed=True,
        rule="nothing_to_replace",
        reason="There is no other model in production yet.",
        pushed_model=None,
        metrics=None,
        difference={"accuracy": None},
    ),
    majority_share=0.51,
    confidence=0.95,
    examples={"train": 3_600, "eval": 400, "test": 1_500},
    words={},
    duplicates=DUPLICATES,
    yardstick=YARDSTICK,
    encoder=ENCODER,
    versions={"python": "3.11.7"},
    seed=1,
    command="python local_runner.py",
)


def changed(**changes: Any) -> Summary:
    return dataclasses.replace(SUMMARY, **changes)


def rounded(accuracy: Interval) -> Summary:
    """Returns a run whose models infer in bfloat16, by which the fine-tuned one loses accuracy."""
    unchanged = PrecisionChange(
        400, Interval(0.0, 0.0, 0.01), Interval(0.0, -0.005, 0.005), Interval(0.001), Interval(0.0)
    )
    changes = {
        "frozen": unchanged,
        "fine_tuned": dataclasses.replace(
            unchanged,
            flipped=Interval(0.03, 0.02, 0.05),
            accuracy=accuracy,
            log_loss=Interval(0.004, 0.001, 0.007),
            calibration_error=Interval(-0.002, -0.011, 0.007),
        ),
    }
    return changed(
        models={
            name: dataclasses.replace(
                each, inference_precision="bfloat16", precision_change=changes[name]
            )
            for name, each in SUMMARY.models.items()
        }
    )


def answered(
    answer: str, rule: str, frozen: Interval, fine_tuned: Interval, **more: Any
) -> Summary:
    """Returns a run with an answer, a rule and what both encoders gain over the yardstick."""
    gain = {"frozen": {"accuracy": frozen}, "fine_tuned": {"accuracy": fine_tuned}}
    yardstick = dataclasses.replace(YARDSTICK, gain=gain)
    return changed(answer=answer, rule=rule, winner=WON[Rule(rule)], yardstick=yardstick, **more)


def on_two_splits(gain: Interval) -> Summary:
    """Returns a run whose eval split cannot tell whether an encoder beats the yardstick."""
    compared = TestComparison(
        SUMMARY.models["frozen"].metrics,
        SUMMARY.models["fine_tuned"].metrics,
        BETTER,
        gains={"frozen": {"accuracy": WORSE}, "fine_tuned": {"accuracy": gain}},
    )
    once = answered("neither", "sure_gain", WORSE, ALIKE, pushed=False, test_comparison=compared)
    return dataclasses.replace(once, test=dataclasses.replace(once.test, model="fine_tuned"))


def by_log_loss() -> Summary:
    """Returns a run that a metric decides of which less is better."""
    metric = Deciding(
        name="log_loss",
        title="log loss",
        is_higher_better=False,
        is_percentage=False,
        models={},
        constant=0.69,
        test=Interval(0.41),
    )
    gain = {
        "frozen": {"log_loss": Interval(-0.1, -0.15, -0.05)},
        "fine_tuned": {"log_loss": Interval(-0.2, -0.3, -0.1)},
    }
    return changed(
        answer="fine_tuned",
        metric=metric,
        difference={"log_loss": Interval(-0.1, -0.15, -0.05)},
        yardstick=dataclasses.replace(YARDSTICK, gain=gain),
    )
