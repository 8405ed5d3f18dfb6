"""The whole decision under LocalDagRunner: selector, Pusher, report, and what they leave."""

import dataclasses
import datetime
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ml_metadata.metadata_store import MetadataStore
from tfx import v1 as tfx
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from albert_tfx.evaluation.baseline import load_yardstick
from albert_tfx.evaluation.measurements import Interval, ModelMetrics
from albert_tfx.evaluation.results import (
    Evaluation,
    load_comparison,
    load_production_comparison,
)
from albert_tfx.options import (
    AnswerOptions,
    DatasetOptions,
    PreprocessingOptions,
    ProductionPolicy,
    ReportOptions,
    SelectionPolicy,
    TrainerOptions,
    encode,
)
from albert_tfx.release.production import Production
from albert_tfx.release.replacement import Verdict
from albert_tfx.release.selection import Decision
from albert_tfx.report import findings, plot_style
from albert_tfx.report.summary import Summary, to_record
from albert_tfx.storage import copy_whole, to_json
from components.comparison_report import ComparisonReport
from components.model_card import ModelCard
from components.model_selector import ModelSelector
from components.production_gate import ProductionGate
from tests.support import artifacts, pages, reports, summaries
from tests.support.artifacts import DUPLICATES
from tests.support.reports import HISTORIES

FIGURES = ("comparison", "training_history", "roc", "precision_recall", "reliability", "coverage")
FILES = {
    *("index.html", "summary.json", "MODEL_CARD.md"),
    *(f"{each}.png" for each in (*FIGURES, "confusion", "slices")),
}
COMMAND = "python local_runner.py --seed 1"
SETTINGS = {
    "dataset": DatasetOptions("/data/tickets/1.0.0"),
    "preprocessing": PreprocessingOptions("any", sequence_length=77),
    "frozen": TrainerOptions("frozen", "any", class_weights="balanced"),
    "fine_tuned": TrainerOptions("fine_tuned", "any", batch_size=16, class_weights="balanced"),
    "report": ReportOptions(2.5, "class 1"),
    "answers": AnswerOptions(threshold=0.4, abstain_below=0.7),
}


def run_pipeline(evaluated, folder: Path, policy: SelectionPolicy) -> Path:
    """Runs ModelSelector, gate, Pusher and ComparisonReport; returns the report's folder."""
    evaluations = {
        "frozen_model": evaluated.frozen_model,
        "fine_tuned_model": evaluated.fine_tuned_model,
        "evaluation": evaluated.evaluation,
        "test_evaluation": evaluated.test_evaluation,
        "examples": evaluated.examples,
    }
    others = artifacts.save_report_inputs(folder, evaluated.examples)
    importers = [
        artifacts.import_artifact(key, artifact)
        for key, artifact in {**evaluations, **others}.items()
    ]
    channel = {importer.id: importer.outputs["result"] for importer in importers}
    selector = ModelSelector(
        **{key: channel[key] for key in ("frozen_model", "fine_tuned_model", "evaluation")},
        policy=json.dumps(encode(policy)),
    )
    gate = ProductionGate(
        model=selector.outputs["model"],
        model_blessing=selector.outputs["blessing"],
        evaluation=channel["test_evaluation"],
        policy=json.dumps(encode(ProductionPolicy())),
    )
    card = ModelCard(
        **{key: channel[key] for key in (*evaluations, *others)},
        blessing=gate.outputs["blessing"],
        settings=json.dumps({name: encode(each) for name, each in SETTINGS.items()}),
    )
    pusher = tfx.components.Pusher(
        model=selector.outputs["model"],
        model_blessing=gate.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(folder / "serving"))
        ),
    )
    report = ComparisonReport(
        **{key: channel[key] for key in ("frozen_model", "fine_tuned_model")},
        **{key: channel[key] for key in ("evaluation", "test_evaluation", "examples", *others)},
        blessing=gate.outputs["blessing"],
        pushed_model=pusher.outputs["pushed_model"],
        card=card.outputs["card"],
        command=COMMAND,
    )
    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(
        str(folder / "metadata.db")
    )
    tfx.orchestration.LocalDagRunner().run(
        tfx.dsl.Pipeline(
            pipeline_name="decision",
            pipeline_root=str(folder / "pipeline"),
            components=[*importers, selector, gate, card, pusher, report],
            metadata_connection_config=metadata,
        )
    )
    return next((folder / "pipeline" / "ComparisonReport" / "report").iterdir())


@pytest.fixture(scope="module")
def folder(two_classes, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pushed")
    copy_whole(run_pipeline(two_classes, folder, SelectionPolicy()), folder / "report")
    return folder


@pytest.fixture(scope="module")
def summary(folder):
    return json.loads((folder / "report" / "summary.json").read_text())


def test_summary_can_be_read_again(folder, summary):
    read = Summary.load(folder / "report")
    assert read.schema_version == summary["schema_version"] == 1
    assert json.loads(to_json(to_record(read))) == summary


def test_summary_names_the_winner_and_where_it_was_pushed(folder, summary):
    assert (summary["winner"], summary["pushed"]) == ("fine_tuned", True)
    pushed = Path(summary["pushed_model"])
    assert pushed.parent == folder / "serving"
    assert (pushed / "saved_model.pb").exists()
    assert summary["rule"] == "sure_gain"
    assert summary["reason"].startswith("The fine-tuned encoder wins")


def test_summary_holds_the_numbers_of_the_evaluation(summary, two_classes):
    comparison = load_comparison(two_classes.evaluation.uri)
    for name in ("frozen", "fine_tuned"):
        measured, written = getattr(comparison, name), summary["models"][name]
        assert written["accuracy"] == measured.accuracy.value
        assert written["accuracy_lower"] < written["accuracy"] < written["accuracy_upper"]
        assert (written["auc"], written["log_loss"]) == (measured.auc, measured.log_loss)
    assert summary["difference"]["accuracy"] == dataclasses.asdict(comparison.difference)
    assert summary["difference"]["auc"] == dataclasses.asdict(comparison.differences["auc"])
    assert comparison.flip_rates is not None
    assert summary["flip_rates"]["gained"]["value"] == comparison.flip_rates.gained.value


def test_summary_lists_the_slices(summary, two_classes):
    slices = sorted(
        load_comparison(two_classes.evaluation.uri).slices,
        key=lambda each: each.name == "label class 0",
    )
    written = [{**each, "yardstick": None, "gains": {}} for each in summary["slices"]]
    assert written == [dataclasses.asdict(each) for each in slices]
    assert summary["slices"][0]["yardstick"]["value"] > 0
    assert summary["slices"][0]["name"] == "length under 25 words"


def test_summary_reports_the_winner_on_the_test_split(summary, two_classes):
    test = load_production_comparison(two_classes.test_evaluation.uri).winner
    assert summary["test"]["accuracy"] == test.accuracy.value
    assert (summary["test"]["auc"], summary["test"]["log_loss"]) == (test.auc, test.log_loss)
    assert (summary["test"]["model"], summary["test"]["examples"]) == ("fine_tuned", 150)


def test_summary_says_what_the_gate_said(summary):
    assert summary["production"] == {
        "passed": True,
        "rule": "nothing_to_replace",
        "reason": "There is no other model in production yet.",
        "pushed_model": None,
        "metrics": None,
        "difference": {"accuracy": None},
    }


def test_summary_holds_what_training_took(summary):
    for name, history in HISTORIES.items():
        written = summary["models"][name]
        assert written["train_seconds"] == history.train_seconds
        assert written["train_memory_bytes"] == history.train_memory_bytes
        assert written["trainable_parameters"] == history.trainable_parameters
        assert tuple(written["epochs"]) == history.epochs
        assert written["best_epoch"] == history.best_epoch
        assert written["learning_rate"] == history.learning_rate
        assert written["training_precision"] == history.precision
    assert summary["seed"] == 1


def test_summary_counts_the_examples_and_names_the_versions(summary):
    assert summary["examples"] == {"train": 150, "eval": 400, "test": 150}
    assert set(summary["versions"]) == {
        *("tfx", "tensorflow", "tfma", "beam", "python", "albert-tfx")
    }
    assert summary["versions"]["tensorflow"] == tf.__version__


def test_summary_holds_what_each_model_costs_and_how_long_reviews_are(summary, two_classes):
    for name in ("frozen", "fine_tuned"):
        model = Path(getattr(two_classes, f"{name}_model").uri)
        written = summary["models"][name]
        sizes = [each.stat().st_size for each in model.rglob("*") if each.is_file()]
        assert written["model_bytes"] == sum(sizes)
        assert 0 < written["latency_seconds"] <= written["slow_latency_seconds"]
    words = two_classes.scores.words()
    assert summary["words"]["eval"]["longest"] == words.max()
    assert summary["words"]["eval"]["median"] == np.quantile(words, 0.5, method="nearest")
    assert summary["command"] == COMMAND


def test_summary_tells_of_the_settings_and_the_day(summary):
    assert summary["settings"] == {
        "dataset": "tickets",
        "sequence_length": 77,
        "truncation": "head_tail",
        "class_weights": "balanced",
        "batch_size": {"frozen": 32, "fine_tuned": 16},
        "price_per_hour": 2.5,
        "class_order": "class 1",
    }
    day = datetime.date.fromisoformat(summary["date"])
    assert abs(day - datetime.datetime.now(datetime.UTC).date()) <= datetime.timedelta(days=1)
    assert summary["labels"] == {"train": {"class 0": 147, "class 1": 0}}


def test_classes_are_shown_in_the_order_that_was_asked_for(folder, summary):
    order = ["class 1", "class 0"]
    assert list(summary["labels"]["train"]) == order
    assert all([each["name"] for each in of] == order for of in summary["classes"].values())
    assert [each["name"] for each in summary["slices"][-2:]] == [f"label {name}" for name in order]
    page = (folder / "report" / "index.html").read_text()
    table = page[page.index('id="caption-confusion-frozen"') :].partition("</table>")[0]
    assert re.findall(r"<bdi>(.+?)</bdi>", table) == [*order, *order]
    counts = [int(each) for each in re.findall(r"<td>(\d+) ", table)]
    of_class = summary["classes"]["frozen"]
    assert [sum(counts[:2]), sum(counts[2:])] == [each["examples"] for each in of_class]
    assert counts[0] + counts[2] == of_class[0]["answers"]


def test_summary_tells_what_the_labels_cost_on_test(summary, two_classes):
    found = summary["answers"]
    assert {key: found[key] for key in ("threshold", "abstain_below", "abstain_label")} == {
        "threshold": 0.4,
        "abstain_below": 0.7,
        "abstain_label": "unsure",
    }
    table = Evaluation.load(two_classes.test_evaluation.uri).predictions
    (probabilities,) = table.probabilities.values()
    index = (probabilities[:, 1] >= 0.4).astype(int)
    is_said = probabilities[np.arange(len(index)), index] >= 0.7
    assert 0 < is_said.sum() < len(is_said)
    assert found["examples"] == summary["test"]["examples"] == len(index)
    assert found["coverage"]["value"] == pytest.approx(is_said.mean())
    right = (index == table.labels)[is_said]
    assert found["accuracy"]["value"] == pytest.approx(right.mean())


def test_summary_answers_first(summary):
    assert list(summary)[:3] == ["schema_version", "headline", "answer"]
    assert summary["answer"] in ("fine_tuned", "frozen", "neither")
    assert summary["headline"]


def test_summary_has_each_class(summary, two_classes):
    labels = np.bincount(two_classes.scores.labels)
    for model in ("frozen", "fine_tuned", "yardstick"):
        found = summary["classes"][model]
        assert {each["name"]: each["examples"] for each in found} == {
            "class 0": labels[0],
            "class 1": labels[1],
        }


def test_the_page_tells_of_this_run(folder, summary):
    page = (folder / "report" / "index.html").read_text()
    assert pages.faults(page) == []
    text = pages.text_of(pages.parse(page))
    for words in (f"{summary['models']['frozen']['accuracy']:.1%}", COMMAND, "evaluation "):
        assert words in text
    assert summary["production"]["reason"] in text
    assert "ModelSelector/blessing/" in text or "ProductionGate/blessing/" in text
    assert str(folder / "pipeline") not in text


def test_blessing_points_at_the_model_as_the_resolver_needs_it(folder, two_classes):
    store = MetadataStore(sqlite_metadata_connection_config(str(folder / "metadata.db")))
    blessing, _ = store.get_artifacts_by_type("ModelBlessing")
    (model,) = store.get_artifacts_by_id([blessing.custom_properties["current_model_id"].int_value])
    assert model.uri == two_classes.fine_tuned_model.uri
    assert blessing.custom_properties["current_model"].string_value == model.uri


def test_summary_holds_the_duplicates_and_the_yardstick(folder, summary):
    assert summary["duplicates"] == DUPLICATES
    measured = load_yardstick(str(folder / "yardstick" / "result"))
    assert summary["yardstick"] == {**measured, "gain": summary["yardstick"]["gain"]}


@pytest.mark.parametrize("model", ["frozen", "fine_tuned"])
def test_summary_says_by_how_much_each_model_exceeds_the_yardstick(summary, two_classes, model):
    gain = summary["yardstick"]["gain"][model]["accuracy"]
    right = two_classes.scores.right(model).mean()
    assert gain["value"] == pytest.approx(right - summary["yardstick"]["eval"]["accuracy"])
    assert gain["lower"] < gain["value"] < gain["upper"]


@pytest.mark.parametrize(
    ("name", "inches"),
    [
        ("training_history.png", (10, 4.8)),
        ("comparison.png", (10, 6.15)),
        ("roc.png", (5.2, 5)),
        ("confusion.png", (10, 4.9)),
    ],
)
def test_figures_are_images_of_the_expected_size(folder, name, inches):
    image = tf.io.decode_png((folder / "report" / name).read_bytes()).numpy()
    width, height = (round(side * plot_style.RESOLUTION) for side in inches)
    assert image.shape[:2] == (height, width)
    assert (image[..., :3] < 128).any(axis=-1).mean() > 0.002


def test_publishing_replaces_the_earlier_report(folder, tmp_path):
    target = tmp_path / "report"
    target.mkdir()
    (target / "stale.png").touch()
    copy_whole(folder / "report", target)
    assert {each.name for each in target.iterdir()} == FILES
    assert [each.name for each in tmp_path.iterdir()] == ["report"]


def test_nothing_pushed_is_said(two_classes, tmp_path):
    report = run_pipeline(two_classes, tmp_path, SelectionPolicy(min_accuracy=0.99))
    summary = json.loads((report / "summary.json").read_text())
    assert (summary["winner"], summary["pushed"], summary["pushed_model"]) == (None, False, None)
    assert summary["selected"] == summary["test"]["model"] == "fine_tuned"
    assert summary["rule"] == "min_accuracy"
    assert "is below 99%" in summary["reason"]


def test_undefined_numbers_become_null(two_classes, tmp_path):
    comparison = load_comparison(two_classes.evaluation.uri)
    test = load_production_comparison(two_classes.test_evaluation.uri)
    broken = ModelMetrics(
        comparison.frozen.examples,
        {**comparison.frozen.intervals, "auc": Interval(math.nan), "log_loss": Interval(math.inf)},
    )
    summary = findings.summarize(
        Decision("frozen", None, "undefined", "Neither model is pushed."),
        dataclasses.replace(comparison, frozen=broken),
        HISTORIES,
        dataclasses.replace(test, winner=broken, production=broken),
        Verdict(False, "undefined", "The new model is refused."),
        Production("model", "hash", "serving/7"),
        {"eval": 400},
        DUPLICATES,
        {**to_record(summaries.YARDSTICK), "eval": {"accuracy": math.nan, "examples": 400}},
        reports.COSTS,
        reports.WORDS,
        None,
    )
    summary.save(tmp_path)
    written = json.loads((tmp_path / "summary.json").read_text())
    assert written["models"]["frozen"]["auc"] is None
    assert written["test"]["log_loss"] is None
    assert written["production"]["metrics"]["log_loss"] is None
    assert written["production"]["pushed_model"] == "serving/7"
    assert written["yardstick"]["eval"]["accuracy"] is None
    assert written["models"]["fine_tuned"]["auc"] == comparison.fine_tuned.auc
