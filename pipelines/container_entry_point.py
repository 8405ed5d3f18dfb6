"""What every container of the compiled pipeline starts: TFX's own entry point, with gaps filled.

Kubeflow's backend hands input artifacts over without their types, and TFX's entry point then stops
(https://github.com/tensorflow/tfx/issues/7768). The types are declared in the very command line,
so they are put back. Vertex AI hands them over, and nothing changes there.

TFX imports all components for each task; here a task imports what its own component needs. At its
end it prints what it used of the machine.
"""

import json
import os
import runpy
import sys
from collections.abc import Sequence

from albert_tfx import exit_status
from pipelines.confinement import servers, workers
from pipelines.container import deferred_imports, usage

TFX_ENTRY_POINT = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
_INVOCATION = "--json_serialized_invocation_args"
_DECLARATION = "--json_serialized_inputs_spec_args"
# What TFX imports for every task, and few of them use.
_SELDOM_USED = (
    "google.cloud.bigquery",
    "kfp",
    "tensorflow_model_analysis",
    "tfx.components",
    "tfx.v1.components",
    "tfx.v1.extensions",
    "tfx.v1.orchestration",
)
# The Evaluators use TensorFlow Model Analysis as `tfx.components` completes it.
_EVALUATORS = (
    "components.production_evaluator.Executor",
    "tfx.components.evaluator.executor.Executor",
)


def with_declared_types(arguments: Sequence[str]) -> list[str]:
    """Returns TFX's command line with the declared type on each input artifact.

    Args:
      arguments: What the compiled spec asks for; flags and their values stand apart.
    """
    completed = list(arguments)
    if _INVOCATION in completed and _DECLARATION in completed:
        value = completed.index(_INVOCATION) + 1
        declaration = json.loads(completed[completed.index(_DECLARATION) + 1])
        completed[value] = _complete(completed[value], declaration.get("artifacts", {}))
    return completed


def _complete(invocation: str, declared: dict[str, dict[str, object]]) -> str:
    executor_input = json.loads(invocation)
    for key, listed in executor_input.get("inputs", {}).get("artifacts", {}).items():
        for artifact in listed.get("artifacts", []):
            artifact["type"] = declared[key]["artifactType"]
    return json.dumps(executor_input)


def defer_imports(arguments: Sequence[str]) -> None:
    """Lets packages that few tasks use wait until they are used.

    Args:
      arguments: TFX's command line.
    """
    deferred_imports.leave_out("keras_tuner")
    if not any(evaluator in arguments for evaluator in _EVALUATORS):
        deferred_imports.defer(_SELDOM_USED)


def main() -> None:
    """Runs TFX's entry point on this process's command line."""
    sys.argv[1:] = with_declared_types(sys.argv[1:])
    defer_imports(sys.argv)
    servers.listen_on_loopback()
    workers.fail_with_workers()
    os.environ |= workers.own_environment()
    try:
        runpy.run_module(TFX_ENTRY_POINT, run_name="__main__", alter_sys=True)
    finally:
        print(usage.own_usage(), flush=True)


if __name__ == "__main__":
    exit_status.leave(main)
