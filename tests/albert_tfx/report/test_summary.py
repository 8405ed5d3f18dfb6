"""`summary.json`: written and read again, refused where it cannot be read, and described."""

import dataclasses
import importlib.metadata
import json
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from albert_tfx.errors import InputError
from albert_tfx.evaluation.measurements import ModelMetrics
from albert_tfx.evaluation.metrics import METRICS
from albert_tfx.report import findings
from albert_tfx.report.convergence import Convergence
from albert_tfx.report.summary import Settings, Summary, to_record
from albert_tfx.storage import to_json
from tests.support import reports
from tests.support.summaries import SUMMARY

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def record() -> dict:
    return json.loads(to_json(to_record(SUMMARY)))


def save(folder: Path, content: object) -> Path:
    (folder / "summary.json").write_text(json.dumps(content))
    return folder


def test_what_is_saved_is_what_is_loaded(tmp_path, record):
    SUMMARY.save(tmp_path)
    loaded = Summary.load(tmp_path)
    assert json.loads(to_json(to_record(loaded))) == record
    assert loaded.models["frozen"] == SUMMARY.models["frozen"]
    assert (loaded.yardstick, loaded.duplicates) == (SUMMARY.yardstick, SUMMARY.duplicates)


def test_metrics_lie_beside_the_other_keys_of_a_model(record):
    model = record["models"]["frozen"]
    assert (model["accuracy"], model["accuracy_lower"], model["accuracy_upper"]) == (
        0.812,
        0.79,
        0.83,
    )
    assert (model["examples"], model["train_seconds"]) == (400, 12.3)
    assert record["models"]["fine_tuned"]["auc"] is None


def test_a_summary_from_before_versions_is_read(tmp_path, record):
    del record["schema_version"]
    assert Summary.load(save(tmp_path, record)).schema_version == 1


def test_keys_that_are_unknown_here_are_left_out(tmp_path, record):
    record["news"] = record["models"]["frozen"]["brier"] = 0.2
    assert Summary.load(save(tmp_path, record)).models["frozen"] == SUMMARY.models["frozen"]


def test_a_summary_of_a_later_version_is_refused(tmp_path, record):
    record["schema_version"] = 2
    with pytest.raises(InputError, match=r"schema version 2, and this code reads version 1"):
        Summary.load(save(tmp_path, record))


@pytest.mark.parametrize("content", [{"winner": "frozen"}, [], 7, {"models": 3}])
def test_what_is_no_summary_is_refused_with_a_remedy(tmp_path, content):
    with pytest.raises(InputError, match=r"is not the summary of a run .*Run the pipeline again"):
        Summary.load(save(tmp_path, content))
    (tmp_path / "summary.json").write_text('{"winner": "fro')
    with pytest.raises(InputError, match="is not the summary of a run"):
        Summary.load(tmp_path)


def test_a_missing_summary_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        Summary.load(tmp_path)


def test_versions_do_without_distributions_that_are_absent(monkeypatch):
    def version(distribution: str) -> str:
        if distribution == "tensorflow-cpu":
            return "2.21.0"
        raise importlib.metadata.PackageNotFoundError(distribution)

    monkeypatch.setattr(importlib.metadata, "version", version)
    versions = findings.versions()
    assert versions["tensorflow"] == "2.21.0"
    assert versions["tfx"] is None
    assert versions["albert-tfx"]


def test_a_training_by_weights_is_not_held_against_the_majority():
    comparison = dataclasses.replace(reports.make().comparison, majority_share=0.95)
    settings = Settings(
        dataset="tickets",
        sequence_length=96,
        truncation="head",
        class_weights="none",
        batch_size={},
    )
    found = reports.summarize(comparison, settings=settings)
    assert found.models["fine_tuned"].convergence == Convergence.NEAR_CHANCE
    balanced = dataclasses.replace(settings, class_weights="balanced")
    found = reports.summarize(comparison, settings=balanced)
    assert found.models["fine_tuned"].convergence != Convergence.NEAR_CHANCE


def keys(kind: Any) -> Iterator[tuple[str, str]]:
    """Yields the keys of a type of the summary, each with the dataclass that has it."""
    if kind is ModelMetrics:
        yield from (("ModelMetrics", name) for name in (*METRICS, "examples"))
    elif isinstance(kind, type) and dataclasses.is_dataclass(kind):
        kinds = typing.get_type_hints(kind)
        for field in dataclasses.fields(kind):
            if not field.metadata.get("flat"):
                yield (kind.__name__, field.name)
            yield from keys(kinds[field.name])
    else:
        for each in typing.get_args(kind):
            yield from keys(each)


def test_every_key_is_described_once():
    written = (PROJECT / "docs" / "summary.md").read_text()
    described = re.findall(r"^\| `(\w+)` \| (.+) \|$", written, re.MULTILINE)
    assert sorted(key for key, _ in described) == sorted(key for _, key in set(keys(Summary)))
    meanings = {(key, meaning.lower()) for key, meaning in described}
    assert {(name, each.meaning.lower()) for name, each in METRICS.items()} <= meanings


def test_summary_and_words_load_without_heavy_packages():
    program = (
        "import importlib, pkgutil, sys; from albert_tfx.report import findings, summary, wording; "
        "names = [each.name for each in pkgutil.iter_modules(wording.__path__)]; "
        "[importlib.import_module(f'{wording.__name__}.{name}') for name in names]; "
        "from albert_tfx.evaluation import measurements; "
        "print({'matplotlib', 'pandas', 'tensorflow', 'tfx'} & set(sys.modules))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "set()\n"


@pytest.mark.slow
def test_plots_tables_and_page_load_without_tfx():
    program = (
        "import sys; from albert_tfx.report import figures, page; "
        "from albert_tfx.evaluation import results, tfma_config; "
        "print({'tfx', 'kfp', 'ml_metadata'} & set(sys.modules))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "set()\n"
