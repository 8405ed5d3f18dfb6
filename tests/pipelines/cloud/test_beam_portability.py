"""Beam's stages as Flink, Spark and Dataflow run them: over its portable API.

A job server takes each stage's pipeline as a message and drives a worker over the network; nothing
of the process that built the pipeline is in its reach. The worker is in the task's process, which
Beam calls a loopback.
"""

import gzip
import socket
from pathlib import Path

import grpc
import pytest
import tensorflow_model_analysis as tfma
from apache_beam.runners.portability.local_job_service import LocalJobServicer

from pipelines.cloud import compiler, resources
from pipelines.cloud.replay import Replay
from tests.support.runs import Run, compilable, read_examples

pytestmark = pytest.mark.slow

_STAGES = (
    "TfdsExampleGen",
    "DuplicateFinder",
    "StatisticsGen",
    "Transform",
    "EmbeddingGen",
    "Evaluator.comparison",
)
_TRAINERS = ("Trainer.frozen", "Trainer.fine_tuned")


@pytest.fixture(scope="module")
def job_server(tmp_path_factory):
    """Beam's job server in this process; returns its address and the names of the jobs it ran."""
    try:
        socket.gethostbyname("localhost")
    except OSError:
        pytest.skip(
            "this machine has no localhost by name, by which Beam's server and workers meet"
        )
    jobs = []

    class Servicer(LocalJobServicer):
        def create_beam_job(self, preparation_id, job_name, *rest):
            jobs.append(job_name)
            return super().create_beam_job(preparation_id, job_name, *rest)

    with pytest.MonkeyPatch.context() as patch:
        _bind_to_this_machine_only(patch)
        server = Servicer(str(tmp_path_factory.mktemp("staging")))
        yield f"127.0.0.1:{server.start_grpc_server()}", jobs
        server.stop()


def _bind_to_this_machine_only(patch) -> None:
    add_port = grpc._server._Server.add_insecure_port

    def add_local_port(self, address):
        return add_port(self, address.replace("[::]", "127.0.0.1"))

    patch.setattr(grpc._server._Server, "add_insecure_port", add_local_port)


@pytest.fixture(scope="module")
def replayed(job_server, finished: Run, tmp_path_factory) -> Replay:
    """The Beam stages of the finished run, run anew; its models are taken over."""
    address, _ = job_server
    beam_args = (
        "--runner=PortableRunner",
        f"--job_endpoint={address}",
        "--environment_type=LOOPBACK",
    )
    spec = compiler.compile_pipeline(
        compilable(finished.config, beam_args), "image", resources.DEFAULTS
    )
    for title in _TRAINERS:
        _take_over(spec, title, finished.uri(title, "model"))
    _keep(spec, {*_STAGES, *_TRAINERS, "ImportSchemaGen"})
    output = tmp_path_factory.mktemp("portable")
    values = {
        "output_root": str(output),
        "dataset": finished.config.dataset.name,
        "encoder": finished.config.embedding.encoder,
        "preprocessor": finished.config.preprocessing.preprocessor,
        "sequence_length": finished.config.preprocessing.sequence_length,
    }
    run = Replay(spec, values, output / "replay")
    run.run(1, lambda *_: None)
    return run


def _take_over(spec: dict, title: str, model: str) -> None:
    """Replaces a task by one that hands on a model which is there."""
    [task] = [t for t in spec["root"]["dag"]["tasks"].values() if t["taskInfo"]["name"] == title]
    component = spec["components"][task["componentRef"]["name"]]
    outputs = component["outputDefinitions"]["artifacts"]
    component["outputDefinitions"]["artifacts"] = {"model": outputs["model"]}
    importer = {"importer": {"artifactUri": {"constant": model}}}
    spec["deploymentSpec"]["executors"][component["executorLabel"]] = importer


def _keep(spec: dict, titles: set[str]) -> None:
    tasks = spec["root"]["dag"]["tasks"]
    for name in [name for name, t in tasks.items() if t["taskInfo"]["name"] not in titles]:
        del tasks[name]
    for task in tasks.values():
        task["dependentTasks"] = [name for name in task.get("dependentTasks", []) if name in tasks]


def _files(folder: str) -> dict[str, bytes]:
    """Returns what the files below a folder hold, by their names in it."""
    return {str(path.relative_to(folder)): _content(path) for path in Path(folder).rglob("*.*")}


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def test_every_stage_ran_over_the_portable_api(job_server, replayed: Replay):
    _, jobs = job_server

    assert len(jobs) >= len(_STAGES)


@pytest.mark.parametrize(
    ("stage", "output"),
    [
        ("TfdsExampleGen", "examples"),
        ("DuplicateFinder", "examples"),
        ("StatisticsGen", "statistics"),
        ("EmbeddingGen", "embeddings"),
    ],
)
def test_a_stage_writes_what_it_writes_in_one_process(finished, replayed, stage, output):
    here = _files(finished.uri(stage, output))

    assert here
    assert _files(replayed.uri(stage, output)) == here


@pytest.mark.parametrize("split", ["train", "eval"])
def test_the_reviews_are_transformed_alike(finished: Run, replayed: Replay, split):
    """TensorFlow writes a review's features in any order."""
    here = read_examples(finished.uri("Transform", "transformed_examples"), split)

    folder = replayed.uri("Transform", "transformed_examples")
    assert here
    assert folder is not None
    assert read_examples(folder, split) == here


def test_the_evaluation_has_the_same_metrics(finished: Run, replayed: Replay):
    here, there = (
        sorted(m.SerializeToString(deterministic=True) for m in tfma.load_metrics(uri))
        for uri in (
            finished.uri("Evaluator.comparison", "evaluation"),
            replayed.uri("Evaluator.comparison", "evaluation"),
        )
    )

    assert here
    assert there == here
