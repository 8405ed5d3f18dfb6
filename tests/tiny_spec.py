"""A compiled pipeline of one task, for tests that need a spec and not what is in it."""

import json

from albert_tfx.options import (
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


def constants() -> dict[str, str]:
    """Returns constants as TFX writes them: options as JSON, some of it within JSON."""
    trainers = {
        "frozen": TrainerOptions("frozen", ENCODER, head_learning_rate=0.5),
        "fine_tuned": TrainerOptions("fine_tuned", ENCODER, encoder_learning_rate=0.25),
    }
    return {
        "dataset": json.dumps({"value": json.dumps(encode(DatasetOptions("sample_reviews")))}),
        "preprocessing": json.dumps(encode(PreprocessingOptions("asset://preprocess"))),
        "embedding": json.dumps(encode(EmbeddingOptions(ENCODER))),
        "trainers": json.dumps({name: {"options": encode(o)} for name, o in trainers.items()}),
        "destination": f"{OUTPUT}/serving",
        "splits": "null",
    }


def make() -> dict:
    """Returns a spec with every settable parameter."""
    executor = {
        "image": "registry/image:1",
        "command": ["python", "-m", "module"],
        "args": ["{{$}}"],
        "resources": Resources(8, 32, "NVIDIA_L4").to_spec(),
    }
    inputs = {name: {"runtimeValue": {"constant": text}} for name, text in constants().items()}
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
