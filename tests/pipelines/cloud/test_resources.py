import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from albert_tfx.errors import InputError
from pipelines.cloud import resources
from pipelines.cloud.resources import Resources

ResourceSpec = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Transform:cpu=4,memory=16", ("Transform", Resources(4, 16))),
        ("Trainer.*:cpu=8,memory=32,gpu=NVIDIA_L4", ("Trainer.*", Resources(8, 32, "NVIDIA_L4"))),
        ("*:gpus=2,gpu=nvidia.com/gpu,memory=9,cpu=1", ("*", Resources(1, 9, "nvidia.com/gpu", 2))),
    ],
)
def test_what_a_task_needs_is_read(text, expected):
    assert resources.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Transform",
        "Transform:cpu=4",
        "T:cpu=many,memory=1",
        "T:cpu=1,memory=1,disk=2",
        ":cpu=8,memory=32",
        "T:cpu=1,memory=1,gpus=4",
        "T:cpu=1,memory=1,gpu=",
    ],
)
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(InputError, match=r"Write it as 'Trainer\.\*:cpu=8"):
        resources.parse(text)


def test_less_than_one_is_refused():
    with pytest.raises(InputError, match="less than 1"):
        resources.parse("T:cpu=0,memory=1")


def test_a_pattern_of_no_task_is_refused_with_the_ids_close_to_it():
    nodes = ["EmbeddingGen", "Pusher", "Trainer.fine_tuned", "Trainer.frozen", "Transform"]
    resources.require_nodes(["*", "Trainer.*", "Pusher"], nodes)

    with pytest.raises(InputError) as refused:
        resources.require_nodes(["*", "Trainer"], nodes)

    assert str(refused.value) == (
        "--resources names 'Trainer', which matches no task that needs a machine. Close to it are "
        "Trainer.frozen, Transform, Trainer.fine_tuned; * matches anything, as in 'Trainer.*'."
    )


def test_the_spec_is_what_kubeflow_reads():
    message = ResourceSpec()

    json_format.ParseDict(Resources(8, 32, "NVIDIA_L4", 2).to_spec(), message)

    assert (message.cpu_limit, message.memory_limit) == (8, 32)
    assert (message.resource_cpu_limit, message.resource_memory_limit) == ("8", "32G")
    assert (message.accelerator.type, message.accelerator.count) == ("NVIDIA_L4", 2)
    assert (message.accelerator.resource_type, message.accelerator.resource_count) == (
        "NVIDIA_L4",
        "2",
    )
