"""A Trainer as a custom job: what Vertex AI is asked for, and the command that it would start."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import google.auth
import grpc
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the exported model's operations
from google.auth.credentials import AnonymousCredentials
from google.cloud.aiplatform_v1.services.job_service.transports import grpc as job_transport
from google.cloud.aiplatform_v1.types import (
    CreateCustomJobRequest,
    CustomJob,
    GetCustomJobRequest,
    JobState,
)
from tfx import types

from pipelines.cloud import starters
from pipelines.config import CustomJob as Machine
from pipelines.pipeline import create_pipeline
from tests.support import servers
from tests.support.runs import Run

pytestmark = pytest.mark.slow

_PROJECT = Path(__file__).parents[3]
_MACHINE = Machine("a-project", "europe-west4", "registry/image:1", "n1-standard-8", "NVIDIA_L4", 1)
_TEXTS = ["a lovely film", "an awful film", ""]


@pytest.fixture
def vertex(monkeypatch):
    """A substitute for Vertex AI, where every job has succeeded; returns the requests for jobs."""
    received = []

    def create(request):
        received.append(request)
        return CustomJob(name=f"{request.parent}/customJobs/7")

    def get(request):
        return CustomJob(name=request.name, state=JobState.JOB_STATE_SUCCEEDED)

    service = "/google.cloud.aiplatform.v1.JobService"
    methods = {
        f"{service}/CreateCustomJob": (CreateCustomJobRequest, create),
        f"{service}/GetCustomJob": (GetCustomJobRequest, get),
    }
    monkeypatch.setattr(google.auth, "default", lambda *_, **__: (AnonymousCredentials(), None))
    with servers.grpc_service(methods) as address:
        channel = classmethod(lambda *_, **__: grpc.insecure_channel(address))
        monkeypatch.setattr(job_transport.JobServiceGrpcTransport, "create_channel", channel)
        yield received


def _artifact(channel: types.BaseChannel, uri: str) -> list[types.Artifact]:
    artifact = channel.type()
    artifact.uri = uri
    return [artifact]


def _train(finished: Run, folder: Path) -> None:
    """Does what the container of Trainer.frozen does, on the artifacts of the local run."""
    config = dataclasses.replace(finished.config, custom_job=_MACHINE)
    [trainer] = [c for c in create_pipeline(config).components if c.id == "Trainer.frozen"]
    uris = {
        "examples": finished.uri("EmbeddingGen", "embeddings"),
        "transform_graph": finished.uri("Transform", "transform_graph"),
        "schema": finished.uri("ImportSchemaGen", "schema"),
    }
    inputs = {key: _artifact(trainer.inputs[key], uri) for key, uri in uris.items()}
    [examples] = inputs["examples"]
    examples.split_names = '["train", "eval", "test"]'
    outputs = {
        key: _artifact(channel, str(folder / key)) for key, channel in trainer.outputs.items()
    }
    trainer.executor_spec.executor_class().Do(inputs, outputs, trainer.exec_properties)


def _probabilities(model: str | Path) -> np.ndarray:
    classify = tf.saved_model.load(str(model)).signatures["classify_text"]
    return classify(text=tf.constant(_TEXTS))["probabilities"].numpy()


def test_the_command_of_the_job_trains_the_model_of_the_local_run(finished, vertex, tmp_path):
    _train(finished, tmp_path)

    [request] = vertex
    assert request.parent == "projects/a-project/locations/europe-west4"
    [pool] = request.custom_job.job_spec.worker_pool_specs
    assert pool.machine_spec.machine_type == "n1-standard-8"
    assert pool.machine_spec.accelerator_type.name == "NVIDIA_L4"
    assert pool.container_spec.image_uri == "registry/image:1"
    assert not list(tmp_path.iterdir())

    program, *arguments = pool.container_spec.command
    assert program == "python"
    subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env={**os.environ, **starters.IMAGE_ENVIRONMENT, "PYTHONPATH": str(_PROJECT)},
        check=True,
        capture_output=True,
    )

    np.testing.assert_allclose(
        _probabilities(tmp_path / "model" / "Format-Serving"),
        _probabilities(finished.model("Trainer.frozen")),
        atol=1e-5,
    )
