"""What every container of the compiled pipeline starts: TFX's own entry point, with one gap filled.

Kubeflow's backend hands input artifacts over without their types, and TFX's entry point then stops
(https://github.com/tensorflow/tfx/issues/7768). The types are declared in the very command line,
so they are put back. Vertex AI hands them over, and nothing changes there.
"""

import json
import runpy
import sys
from collections.abc import Sequence

_TFX_ENTRY_POINT = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
_INVOCATION = "--json_serialized_invocation_args"
_DECLARATION = "--json_serialized_inputs_spec_args"


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


if __name__ == "__main__":
    sys.argv[1:] = with_declared_types(sys.argv[1:])
    runpy.run_module(_TFX_ENTRY_POINT, run_name="__main__", alter_sys=True)
