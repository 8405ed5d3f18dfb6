"""Kubeflow's own orchestrator takes the file: order, parameters, placeholders and outputs."""

import json
from pathlib import Path

import kfp
import pytest
from kfp import local
from kfp.local import status
from kfp.local.docker_task_handler import DockerTaskHandler

import kubeflow_runner

pytestmark = pytest.mark.slow

_INVOCATION = "--json_serialized_invocation_args"


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("compiled") / "pipeline.yaml"
    command = ["compile", "--image", "image", "--no-resolver", "--spec", str(path)]
    assert kubeflow_runner.main(command) == 0
    return path


@pytest.fixture
def orchestrate(path, monkeypatch, tmp_path):
    """Returns a function that runs the pipeline, but for its containers: each says it is done.

    It takes the pipeline's parameters and returns each task's `ExecutorInput` by its name,
    in the order of the tasks.
    """
    started = {}

    def run(task: DockerTaskHandler) -> status.Status:
        command = task.full_command
        invocation = json.loads(command[command.index(_INVOCATION) + 1])
        outputs = invocation["outputs"]
        name = Path(outputs["outputFile"]).parent.name
        started[name] = invocation
        Path(outputs["outputFile"]).parent.mkdir(parents=True, exist_ok=True)
        Path(outputs["outputFile"]).write_text(json.dumps({"artifacts": outputs["artifacts"]}))
        return status.Status.SUCCESS

    monkeypatch.setattr(DockerTaskHandler, "run", run)

    def orchestrate(**parameters):
        local.init(local.DockerRunner(), pipeline_root=str(tmp_path))
        kfp.components.load_component_from_file(str(path))(**parameters)
        return started

    return orchestrate


def test_every_task_runs_after_those_whose_outputs_it_reads(orchestrate):
    started = orchestrate(output_root="/output")

    assert len(started) == 17
    made: set[str] = set()
    for invocation in started.values():
        read = invocation.get("inputs", {}).get("artifacts", {}).values()
        assert {artifact["uri"] for each in read for artifact in each["artifacts"]} <= made
        written = invocation["outputs"]["artifacts"].values()
        made |= {artifact["uri"] for each in written for artifact in each["artifacts"]}


def test_the_parameters_reach_the_tasks_that_need_them(orchestrate):
    started = orchestrate(output_root="/output", fine_tuned_learning_rate=0.125)

    fine_tuned, pusher = (
        started[name]["inputs"]["parameterValues"] for name in ("trainer-fine-tuned", "pusher")
    )
    assert fine_tuned["pipelinechannel--fine_tuned_learning_rate"] == 0.125
    assert pusher["pipelinechannel--output_root"] == "/output"


def test_a_run_without_its_place_is_refused(orchestrate):
    with pytest.raises(TypeError, match="output_root"):
        orchestrate()
