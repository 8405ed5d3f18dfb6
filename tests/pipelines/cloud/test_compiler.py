"""The same graph as one file for Kubeflow and Vertex AI."""

import copy
import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import kfp
import pytest
from google.cloud.aiplatform_v1.types import CustomJobSpec
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

import kubeflow_runner
from albert_tfx.errors import InputError
from pipelines import command_line
from pipelines.cloud import compiler, resources
from pipelines.cloud import spec as spec_file

pytestmark = pytest.mark.slow

_PROJECT = Path(__file__).parents[3]
# What begins with a slash where no address goes before it.
_LOCAL_PATH = re.compile(r"(?<![\w:/}.*?<])/[A-Za-z][\w.-]+(?:/[\w.-]+)*")


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    """The compiled sample."""
    path = tmp_path_factory.mktemp("compiled") / "pipeline.yaml"
    assert kubeflow_runner.main(["compile", "--image", "image", "--spec", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def spec(path) -> dict:
    return spec_file.read(path)


def configure(*options):
    parser = command_line.Parser()
    command_line.add_options(parser, local=False)
    return command_line.read_request(parser.parse_args(options))


def compile_with(*options):
    return compiler.compile_request(configure(*options), "image", resources.DEFAULTS)


@pytest.mark.parametrize(
    "options",
    [
        ("--abstain-below=0.7", "--abstain-label=positive"),
        ("--metric=recall:positiv",),
    ],
)
def test_what_does_not_fit_the_classes_is_not_compiled(options):
    with pytest.raises(InputError, match="class"):
        compile_with(*options)


def commands(spec) -> dict[str, list[str]]:
    """Returns the command line of each container, by TFX node id."""
    found = {}
    for task in spec_file.tasks(spec).values():
        container = task.executor.get("container")
        if container:
            found[task.title] = [*container["command"], *container["args"]]
    return found


def texts(value):
    """Yields every text in a JSON value, whose texts may be JSON again."""
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except ValueError:
            inner = None
        yield from texts(inner) if isinstance(inner, dict | list) else [value]
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


def local_paths(value) -> set[str]:
    """Returns what looks like a path of a machine in the texts of a JSON value."""
    return {path for text in texts(value) for path in _LOCAL_PATH.findall(text)}


def test_it_is_the_same_byte_for_byte_from_another_process_and_folder(path, tmp_path):
    command = [sys.executable, str(_PROJECT / "kubeflow_runner.py"), "compile", "--image", "image"]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(_PROJECT)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, stdout=subprocess.DEVNULL)

    assert (tmp_path / "pipeline.yaml").read_bytes() == path.read_bytes()


def test_kubeflow_s_own_loader_reads_it(path):
    component = kfp.components.load_component_from_file(str(path))

    assert component.name == "albert-sample-reviews"
    inputs = component.component_spec.inputs
    assert inputs["sequence_length"].type == "Integer"
    assert inputs["sequence_length"].default == 192
    assert inputs["encoder"].default == "asset://albert_en_mini"
    assert not inputs["output_root"].optional
    assert inputs["threshold"].default == 0.5
    assert len(inputs) == 10


def test_it_keeps_the_format_of_kubeflow_pipelines_2(spec):
    message = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())

    assert message.schema_version == "2.1.0"
    assert set(message.root.dag.tasks) == set(spec["root"]["dag"]["tasks"])


def test_it_names_no_path_of_this_machine(spec):
    assert local_paths(spec) == set()
    everything = json.dumps(spec)
    for place in (_PROJECT, Path.home(), Path(sys.prefix)):
        assert str(place) not in everything


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--folder=/data", {"/data"}),
        ('{"data_dir": "/my-data/tfds", "name": "[\\"/root\\"]"}', {"/my-data/tfds", "/root"}),
        ("gs://bucket/folder and/or {{$.inputs}}/serving", set()),
    ],
)
def test_a_path_of_this_machine_would_be_seen(text, expected):
    assert local_paths({"constant": text}) == expected


def test_names_are_those_that_argo_takes(spec):
    named = [
        *spec["root"]["dag"]["tasks"],
        *spec["components"],
        *spec["deploymentSpec"]["executors"],
    ]
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name) for name in named)


def test_every_task_waits_for_tasks_that_are_there(spec):
    tasks = spec_file.tasks(spec)

    assert {"Trainer.frozen", "Pusher", "TfdsExampleGen"} < {t.title for t in tasks.values()}
    for task in tasks.values():
        assert task.upstream() <= set(tasks)


def test_only_a_model_that_this_pipeline_pushed_is_looked_up_as_the_one_in_production(spec):
    tasks = {task.title: task for task in spec_file.tasks(spec).values()}

    queries = tasks["Resolver.production"].executor["resolver"]["outputArtifactQueries"]

    assert queries["pushed_model"]["filter"] == (
        'schema_title="tfx.PushedModel" AND state=LIVE AND '
        'metadata.pipeline.string_value="albert-sample-reviews"'
    )
    [key] = [
        key
        for key, source in tasks["Evaluator.test"].spec["inputs"]["artifacts"].items()
        if source["taskOutputArtifact"]["producerTask"] == "resolver-production"
    ]
    assert key == "production"


def test_without_resolvers_nothing_waits_for_one(spec):
    without = compiler.without_resolvers(copy.deepcopy(spec))

    tasks = spec_file.tasks(without)
    left = {task.title for task in tasks.values()}
    assert {task.title for task in spec_file.tasks(spec).values()} - left == {"Resolver.production"}
    assert all(task.upstream() <= set(tasks) for task in tasks.values())


def test_every_container_has_what_it_needs(spec):
    needs = {
        task.title: task.executor["container"]["resources"]["resourceCpuLimit"]
        for task in spec_file.tasks(spec).values()
        if "container" in task.executor
    }

    assert needs["Trainer.frozen"] == needs["EmbeddingGen"] == "8"
    assert needs["Pusher"] == "2"


@pytest.mark.parametrize("pattern", ["Trainer", "Resolver.production"])
def test_resources_for_no_container_are_refused(capsys, tmp_path, pattern):
    path = tmp_path / "pipeline.yaml"
    need = ["--resources", f"{pattern}:cpu=8,memory=32"]

    assert kubeflow_runner.main(["compile", "--image", "i", "--spec", str(path), *need]) == 2

    assert f"--resources names '{pattern}', which matches no task" in capsys.readouterr().err
    assert not path.exists()


def test_trainers_can_be_custom_jobs_and_beam_can_be_dataflow(tmp_path):
    path = tmp_path / "pipeline.yaml"
    options = ["--image", "image", "--project", "p", "--region", "r", "--service-account", "a@p"]
    job = ["--train-on", "n1-standard-8", "--train-gpu", "NVIDIA_TESLA_T4:2"]
    dataflow = ["--dataflow", "gs://bucket/temporary", "--dataflow-image", "image:dataflow"]
    command = ["compile", "--spec", str(path), *options, *job, *dataflow]
    assert kubeflow_runner.main(command) == 0
    spec = spec_file.read(path)

    tasks = {task.title: task for task in spec_file.tasks(spec).values()}
    lines = commands(spec)
    for title in ("Trainer.frozen", "Trainer.fine_tuned"):
        assert any("google_cloud_ai_platform.trainer" in part for part in lines[title])
        constant = tasks[title].spec["inputs"]["parameters"]["custom_config"]["runtimeValue"]
        text = re.sub(r"\{\{.*?\}\}", "1", constant["constant"])
        arguments = json.loads(text)["ai_platform_training_args"]
        assert arguments["project"] == "p"
        job_spec = CustomJobSpec(arguments["job_spec"])
        [pool] = job_spec.worker_pool_specs
        assert pool.machine_spec.machine_type == "n1-standard-8"
        assert pool.machine_spec.accelerator_type.name == "NVIDIA_TESLA_T4"
        assert pool.machine_spec.accelerator_count == 2
        assert pool.container_spec.image_uri == "image"
        assert job_spec.service_account == "a@p"
    for title in ("TfdsExampleGen", "Transform", "EmbeddingGen", "Evaluator.test"):
        assert {
            "--runner=DataflowRunner",
            "--project=p",
            "--region=r",
            "--temp_location=gs://bucket/temporary",
            "--sdk_container_image=image:dataflow",
            "--service_account_email=a@p",
        } <= set(lines[title])
        assert "--runner=FnApiRunner" not in lines[title]


@pytest.mark.parametrize("option", ["--encoder", "--preprocessor", "--data-dir", "--dataset"])
def test_what_is_on_this_machine_only_is_refused(tmp_path, option):
    (tmp_path / "dataset_info.json").touch()
    known = ["--encoder", "gs://b/e", "--preprocessor", "gs://b/p"]

    with pytest.raises(InputError, match=r"is on this machine only\. Copy it to a bucket"):
        compile_with(*known, option, str(tmp_path))


def test_a_prepared_data_set_is_refused_by_whatever_name_it_would_be_found(tmp_path, monkeypatch):
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews" / "dataset_info.json").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    for name in ("reviews", "~/reviews"):
        request = configure()
        request = dataclasses.replace(request, options={**request.options, "dataset": name})
        with pytest.raises(InputError, match=f"The data set {name} is on this machine only"):
            compiler.compile_request(request, "image", resources.DEFAULTS)


def test_the_classes_are_those_that_the_data_set_declares_whatever_the_folder_has(
    tmp_path, monkeypatch
):
    (tmp_path / "imdb_reviews").mkdir()
    monkeypatch.chdir(tmp_path)

    spec = compile_with("--preset", "imdb")
    tasks = {task.title: task for task in spec_file.tasks(spec).values()}

    schema = tasks["ImportSchemaGen"].spec["inputs"]["parameters"]["schema_text"]
    assert 'tag: "neg"' in schema["runtimeValue"]["constant"]
