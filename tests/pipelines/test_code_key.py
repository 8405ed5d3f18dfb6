"""An edited module repeats the components that use it; all others are taken from the cache."""

import re

import pytest
from ml_metadata.metadata_store import MetadataStore
from tfx import v1 as tfx
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from albert_tfx import sources
from pipelines import code_key
from pipelines.pipeline import create_pipeline
from tests.support import nodes, runs


@pytest.fixture
def edited(monkeypatch):
    """Returns a function that gives a module another hash, as an edit would."""
    own_hash = sources._own_hash

    def edit(name):
        monkeypatch.setattr(
            sources, "_own_hash", lambda each: "edited" if each == name else own_hash(each)
        )

    return edit


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return runs.make_config(tmp_path_factory.mktemp("tiny"))


def _codes(config):
    return {
        node.id: node.exec_properties.get(code_key.PROPERTY)
        for node in create_pipeline(config).components
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "repeated"),
    [
        ("albert_tfx.report.page", {"ComparisonReport", "ModelCard"}),
        ("albert_tfx.modeling.fitting", {"Trainer.frozen", "Trainer.fine_tuned"}),
        ("components.preprocessing", {"Transform"}),
        ("components.atomic_pusher", {"Pusher"}),
        ("albert_tfx.options", set()),
    ],
)
def test_an_edit_concerns_the_components_that_run_the_module(config, edited, module, repeated):
    before = _codes(config)

    edited(module)

    after = _codes(config)
    assert repeated <= {node for node in after if after[node] != before[node]}
    if module != "albert_tfx.modeling.fitting":
        assert {node for node in after if after[node] != before[node]} == repeated


@pytest.mark.slow
def test_evaluators_know_the_code_of_their_metrics(config, edited):
    before = _codes(config)

    edited("albert_tfx.evaluation.tfma_metrics")

    after = _codes(config)
    assert before["Evaluator.comparison"] != after["Evaluator.comparison"]
    assert before["Evaluator.test"] != after["Evaluator.test"]
    assert before["Trainer.frozen"] == after["Trainer.frozen"]
    assert before["TfdsExampleGen"] == after["TfdsExampleGen"]


@pytest.mark.slow
def test_all_but_resolvers_have_a_code_and_tfx_s_own_components_that_of_their_version(config):
    codes = _codes(config)

    assert codes.pop("Resolver.production") is None
    assert all(f"tfx {tfx.__version__}" in code for code in codes.values())
    assert codes["StatisticsGen"].startswith("tfx ")
    assert not codes["Transform"].startswith("tfx ")


def _run(folder):
    """Runs two components, and returns the states in which they ended."""
    reviews = nodes.Reviews()
    report = nodes.ComparisonReport(reviews=reviews.outputs["reviews"], behaviour="works")
    for node in (reviews, report):
        code_key.stamp(node)
    connection = sqlite_metadata_connection_config(str(folder / "metadata.db"))
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="toy",
        pipeline_root=str(folder / "pipeline"),
        components=[reviews, report],
        enable_cache=True,
        metadata_connection_config=connection,
    )
    LocalDagRunner().run(pipeline)
    states, _ = runs.read_last("toy", MetadataStore(connection))
    return states


def test_only_the_component_whose_code_is_another_runs_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(code_key, "_NAME", re.compile(r"tests\.support\.nodes\.\w+"))
    monkeypatch.setattr(sources, "module_of", lambda name: name)
    monkeypatch.setattr(sources, "fingerprint", lambda modules: " ".join(sorted(modules)))
    assert set(_run(tmp_path).values()) == {"COMPLETE"}
    assert set(_run(tmp_path).values()) == {"CACHED"}

    def edited(modules):
        node = "tests.support.nodes.ComparisonReport_Executor"
        return f"edited {modules}" if node in modules else ""

    fingerprint = sources.fingerprint
    monkeypatch.setattr(sources, "fingerprint", lambda m: edited(m) or fingerprint(m))

    assert _run(tmp_path) == {"Reviews": "CACHED", "ComparisonReport": "COMPLETE"}
