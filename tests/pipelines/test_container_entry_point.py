import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.container import usage
from pipelines.container_entry_point import with_declared_types

_PROJECT = Path(__file__).parents[2]

_MODEL = {"artifactType": {"instanceSchema": "title: tfx.Model"}}


def _command(artifact):
    invocation = {"inputs": {"artifacts": {"model": {"artifacts": [artifact]}}}}
    declared = {"artifacts": {"model": _MODEL}}
    return [
        "--executor_class_path",
        "a.Executor",
        "--json_serialized_invocation_args",
        json.dumps(invocation),
        "--json_serialized_inputs_spec_args",
        json.dumps(declared),
        "--runner=FnApiRunner",
    ]


def _artifact(command):
    return json.loads(command[3])["inputs"]["artifacts"]["model"]["artifacts"][0]


def test_an_input_that_lost_its_type_gets_the_declared_one():
    """Kubeflow's backend sends `type: {}` or a type of its own; TFX cannot read either."""
    for sent in ({}, {"schemaTitle": "system.Artifact"}):
        completed = with_declared_types(_command({"uri": "gs://b/m", "type": sent}))

        assert _artifact(completed) == {"uri": "gs://b/m", "type": _MODEL["artifactType"]}


def test_nothing_else_of_the_command_changes():
    command = _command({"uri": "gs://b/m", "type": _MODEL["artifactType"]})

    completed = with_declared_types(command)

    assert completed[:3] + completed[4:] == command[:3] + command[4:]
    assert json.loads(completed[3]) == json.loads(command[3])
    assert with_declared_types(["--help"]) == ["--help"]


_IMPORTED = """
import importlib, sys
from pipelines import container_entry_point as entry
path = sys.argv[1]
entry.defer_imports(["--executor_class_path", path])
importlib.import_module("tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor")
module, _, name = path.rpartition(".")
getattr(importlib.import_module(module), name)
heavy = {"keras", "kfp.client", "matplotlib.pyplot", "tensorflow_model_analysis.metrics"}
print(sorted(heavy & {*sys.modules}))
"""


def imported(executor: str) -> str:
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "PYTHONPATH": str(_PROJECT)}
    command = [sys.executable, "-c", _IMPORTED, executor]
    return subprocess.check_output(command, env=environment, text=True).splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "executor",
    [
        "components.tfds_example_gen.Executor",
        "components.atomic_pusher.Executor",
        "components.schema_importer.SchemaImporter_Executor",
        "tfx.components.statistics_gen.executor.Executor",
        "tfx.components.trainer.executor.GenericExecutor",
    ],
)
def test_a_task_imports_nothing_heavy_that_it_does_not_use(executor):
    assert imported(executor) == "[]"


@pytest.mark.slow
def test_an_evaluator_has_what_it_evaluates_with():
    assert imported("tfx.components.evaluator.executor.Executor") == (
        "['kfp.client', 'tensorflow_model_analysis.metrics']"
    )


@pytest.mark.slow
def test_at_its_end_a_task_says_what_it_used(tmp_path):
    command = [sys.executable, "-m", "pipelines.container_entry_point", "--help"]
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "PYTHONPATH": str(_PROJECT)}
    log = tmp_path / "log.txt"
    with log.open("wb") as file:
        subprocess.run(command, env=environment, stdout=file, stderr=file, check=True)

    used = usage.read_usage(log)
    assert used is not None
    assert used.memory > 100
    assert used.processor_seconds > 1
