"""Compiled pipelines: of one task with every parameter, and of tasks that a replay can run."""

import json

from albert_tfx.options import (
    AnswerOptions,
    DatasetOptions,
    EmbeddingOptions,
    PreprocessingOptions,
    TrainerOptions,
    encode,
)
from pipelines.cloud import parameters
from pipelines.cloud.resources import Resources

OUTPUT = "/folder/it/was/compiled/for"
ENCODER = "asset://albert_en_mini"
MODEL = {"artifactType": {"instanceSchema": "title: tfx.Model\n"}}
_WRITES = """
import json, pathlib, sys
given = json.loads(sys.argv[1])
outputs = given["outputs"]
for key, listed in outputs["artifacts"].items():
    [artifact] = listed["artifacts"]
    artifact["metadata"] = {{**{metadata!r}, "given": given["inputs"]}}
    pathlib.Path(artifact["uri"], "content").write_text("made")
pathlib.Path(outputs["outputFile"]).write_text(json.dumps({{"artifacts": outputs["artifacts"]}}))
"""
_WAITS = """
import os, signal
signal.alarm(120)  # outlives no test for long
fifo = os.open({fifo!r}, os.O_WRONLY)
def end(number, frame):
    os.write(fifo, b"told to end")
    os._exit(1)
signal.signal(signal.SIGTERM, {handler})
os.write(fifo, b"waiting")
while True:
    signal.pause()
"""


def constants(rate: float | str = 0.25) -> dict[str, str]:
    """Returns constants as TFX writes them: options as JSON, some of it within JSON."""
    trainers = {
        "frozen": TrainerOptions("frozen", ENCODER, head_learning_rate=0.5),
        "fine_tuned": TrainerOptions("fine_tuned", ENCODER, encoder_learning_rate=rate),
    }
    return {
        "dataset": json.dumps({"value": json.dumps(encode(DatasetOptions("sample_reviews")))}),
        "preprocessing": json.dumps(encode(PreprocessingOptions("asset://preprocess"))),
        "embedding": json.dumps(encode(EmbeddingOptions(ENCODER))),
        "trainers": json.dumps(
            {
                name: {"options": encode(each), "answers": encode(AnswerOptions())}
                for name, each in trainers.items()
            }
        ),
        "destination": f"{OUTPUT}/serving",
        "splits": "null",
    }


def one_task(rate: float | str = 0.25) -> dict:
    """Returns a spec with every settable parameter; `rate` is fine-tuning's."""
    executor = {
        "image": "registry/image:1",
        "command": ["python", "-m", "module"],
        "args": ["{{$}}"],
        "resources": Resources(8, 32, "NVIDIA_L4").to_spec(),
    }
    inputs = {name: {"runtimeValue": {"constant": text}} for name, text in constants(rate).items()}
    task = {
        "taskInfo": {"name": "Only"},
        "componentRef": {"name": "comp-only"},
        "inputs": {"parameters": inputs},
        "cachingOptions": {"enableCache": True},
    }
    definitions = {name: {"parameterType": "STRING"} for name in inputs}
    spec = {
        "pipelineInfo": {"name": "tiny"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "tfx-1.21.0",
        "components": {
            "comp-only": {
                "executorLabel": "exec-only",
                "inputDefinitions": {"parameters": definitions},
            }
        },
        "deploymentSpec": {"executors": {"exec-only": {"container": executor}}},
        "root": {"dag": {"tasks": {"only": task}}},
    }
    parameters.make_settable(spec, OUTPUT)
    return spec


def container(command: str) -> dict:
    """Returns an executor that runs Python code, with the `ExecutorInput` as its argument."""
    return {
        "container": {"image": "image", "command": ["python", "-c", command], "args": ["{{$}}"]}
    }


def writes(**metadata) -> dict:
    """Returns an executor that makes its outputs, and says `metadata` and its inputs of them."""
    return container(_WRITES.format(metadata=metadata or {"blessed": 1.0, "by": "toy"}))


def waits(fifo, deaf=False) -> dict:
    """Returns an executor that waits to be told to end, and tells `fifo`; or is deaf to it."""
    return container(_WAITS.format(fifo=str(fifo), handler="signal.SIG_IGN" if deaf else "end"))


def of_executors(
    executors: dict[str, dict],
    tasks: dict[str, dict] | None = None,
    outputs: dict[str, str] | None = None,
) -> dict:
    """Returns a spec whose tasks have the names of their executors and one output each.

    Args:
      executors: By name.
      tasks: By name, what a task has beside its name; nothing where none are given.
      outputs: What the output is called that is not called `model`, by the task's name.
    """
    tasks = tasks or {name: {} for name in executors}
    return {
        "pipelineInfo": {"name": "toy"},
        "deploymentSpec": {"executors": executors},
        "components": {
            name: {
                "executorLabel": name,
                "outputDefinitions": {"artifacts": {(outputs or {}).get(name, "model"): MODEL}},
            }
            for name in executors
        },
        "root": {
            "inputDefinitions": {"parameters": {"output_root": {"parameterType": "STRING"}}},
            "dag": {
                "tasks": {
                    name: {"taskInfo": {"name": name}, "componentRef": {"name": name}, **task}
                    for name, task in tasks.items()
                }
            },
        },
    }
