import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import google.auth
import grpc
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.aiplatform_v1.services.pipeline_service.transports import (
    grpc as pipeline_transport,
)
from google.cloud.aiplatform_v1.services.schedule_service.transports import (
    grpc as schedule_transport,
)
from google.cloud.aiplatform_v1.types import (
    CreatePipelineJobRequest,
    CreateScheduleRequest,
    PipelineJob,
    Schedule,
)

import kubeflow_runner
from pipelines.cloud import spec as spec_file
from tests.support import servers, specs
from tests.support.servers import Fifo

_PROJECT = pathlib.Path(__file__).parent.parent
_VERTEX = ["--project", "a-project", "--region", "europe-west4"]
_OUTPUT_ROOT = ["--output-root", "gs://a-bucket/albert/"]
_DATAFLOW = ["--image", "i", "--project", "p", "--dataflow"]
_CHANGED = ["--parameter", "sequence_length=77", "--no-cache"]


@pytest.fixture(autouse=True)
def no_cloud(monkeypatch, tmp_path):
    """A machine without credentials, project or any way out."""
    for name in ("GOOGLE_CLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS", "KFP_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setattr("google.auth.compute_engine._metadata.is_on_gce", lambda *_, **__: False)


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "pipeline.yaml"
    spec_file.write(specs.one_task(), path)
    return str(path)


@pytest.fixture
def run(capfd):
    """Returns a function that runs a command: arguments → exit status, output, error text."""

    def run(*arguments):
        status = kubeflow_runner.main(arguments)
        return status, *capfd.readouterr()

    return run


@pytest.fixture
def no_network(monkeypatch):
    """Lets no connection be made, and returns what was tried."""
    tried = []

    def connect(_, address):
        tried.append(address)
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


@pytest.fixture
def storage(monkeypatch):
    """A substitute for Google Cloud Storage with one bucket, `a-bucket`; returns what was asked."""
    asked = []

    def answer(method, path, body):
        asked.append((method, path))
        if path.startswith("/storage/v1/b/a-bucket?"):
            return 200, {"kind": "storage#bucket", "name": "a-bucket", "id": "a-bucket"}
        return 404, {"error": {"code": 404, "message": "Not Found"}}

    monkeypatch.setattr(google.auth, "default", lambda **_: (AnonymousCredentials(), None))
    with servers.http_service(answer) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        yield asked


@pytest.fixture
def vertex(monkeypatch, storage):
    """A substitute for Vertex AI; returns the requests that it received."""
    received = []

    def create_job(request):
        received.append(request)
        name = f"{request.parent}/pipelineJobs/{request.pipeline_job_id}"
        return PipelineJob(name=name, display_name=request.pipeline_job.display_name)

    def create_schedule(request):
        received.append(request)
        return Schedule(name=f"{request.parent}/schedules/7")

    service = "/google.cloud.aiplatform.v1"
    methods = {
        f"{service}.PipelineService/CreatePipelineJob": (CreatePipelineJobRequest, create_job),
        f"{service}.ScheduleService/CreateSchedule": (CreateScheduleRequest, create_schedule),
    }
    with servers.grpc_service(methods) as address:
        for transport in (
            pipeline_transport.PipelineServiceGrpcTransport,
            schedule_transport.ScheduleServiceGrpcTransport,
        ):
            channel = classmethod(lambda *_, **__: grpc.insecure_channel(address))
            monkeypatch.setattr(transport, "create_channel", channel)
        yield received


@pytest.fixture
def kubeflow():
    """A substitute for a Kubeflow Pipelines API; returns its address and what it received."""
    received = []

    def answer(method, path, body):
        received.append((method, path.partition("?")[0], body))
        if path.endswith("/experiments"):
            return 200, {"experiment_id": "e-1", "display_name": body and body["display_name"]}
        if path.endswith("/runs"):
            return 200, {"run_id": "r-1"}
        if path.endswith("/recurringruns"):
            return 200, {"recurring_run_id": "rr-1"}
        return 200, {}

    with servers.http_service(answer) as address:
        yield address, received


@pytest.fixture
def waiting(tmp_path):
    """A replay, as a process, whose only task waits; returns it and its task's pipe."""
    path, pipe = tmp_path / "waiting.yaml", tmp_path / "fifo"
    spec_file.write(specs.of_executors({"Pusher": specs.waits(pipe)}), path)
    fifo = Fifo(pipe)
    command = ["replay", path, "--output", tmp_path / "output"]
    process = subprocess.Popen(
        [sys.executable, _PROJECT / "kubeflow_runner.py", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert fifo.read() == b"waiting"
        yield process, fifo
    finally:
        process.terminate()
        process.communicate()
        fifo.close()


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (["--sequence-length=600"], "600 exceeds the 512 positions of the encoder"),
        (["--unfreeze=2"], "--unfreeze 2 cannot be had of the encoder"),
    ],
)
def test_options_that_the_encoder_does_not_fit_are_not_compiled(run, tmp_path, options, cause):
    spec = tmp_path / "pipeline.yaml"

    status, _, errors = run("compile", "--image", "image", "--spec", str(spec), *options)

    assert status == 2
    assert cause in errors
    assert not spec.exists()


def test_a_length_that_the_encoder_does_not_fit_is_not_submitted(run, spec):
    longer = ["--parameter", "sequence_length=600"]

    status, _, errors = run("submit", spec, *_VERTEX, *_OUTPUT_ROOT, *longer)

    assert status == 2
    assert "600 exceeds the 512 positions of the encoder" in errors


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(run, spec, no_network):
    status, output, errors = run("submit", spec, *_VERTEX, *_OUTPUT_ROOT, *_CHANGED)

    assert (status, errors, no_network) == (0, "", [])
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert lines[0] == "to Vertex AI, project a-project, europe-west4"
    assert {
        "artifacts gs://a-bucket/albert/pipeline",
        "when once, now",
        "cache off",
        "output_root gs://a-bucket/albert",
        "sequence_length 77",
        "frozen_learning_rate 0.5",
        "Only 8 CPUs, 32G, 1 x NVIDIA_L4 registry/image:1",
    } < set(lines)
    assert lines[-1] == "nothing was sent: add --yes to send it"


def test_vertex_ai_receives_the_spec_and_the_values(run, spec, vertex):
    account = ["--service-account", "runs@a-project.iam.gserviceaccount.com"]

    status, output, errors = run(
        "submit", spec, *_VERTEX, *_OUTPUT_ROOT, *_CHANGED, *account, "--yes"
    )

    assert (status, errors) == (0, "")
    [request] = vertex
    job = PipelineJob.to_dict(request.pipeline_job)
    assert request.parent == "projects/a-project/locations/europe-west4"
    assert re.fullmatch(r"tiny-\d{14}", request.pipeline_job_id)
    assert output.splitlines()[-1] == (
        f"sent: {request.parent}/pipelineJobs/{request.pipeline_job_id}"
    )
    sent = specs.one_task()
    sent["root"]["dag"]["tasks"]["only"]["cachingOptions"] = {"enableCache": False}
    assert job["pipeline_spec"] == sent
    assert job["service_account"] == account[1]
    runtime = job["runtime_config"]
    assert runtime["gcs_output_directory"] == "gs://a-bucket/albert/pipeline"
    assert runtime["parameter_values"] == {
        "output_root": "gs://a-bucket/albert",
        "dataset": "sample_reviews",
        "encoder": specs.ENCODER,
        "preprocessor": "asset://preprocess",
        "sequence_length": 77,
        "frozen_learning_rate": 0.5,
        "fine_tuned_learning_rate": 0.25,
        "threshold": 0.5,
        "abstain_below": 0.0,
        "abstain_label": "unsure",
    }


def test_vertex_ai_receives_a_schedule(run, spec, vertex):
    status, output, _ = run(
        "submit", spec, *_VERTEX, *_OUTPUT_ROOT, "--schedule", "0 3 * * 1", "--yes"
    )

    assert status == 0
    [request] = vertex
    assert request.schedule.cron == "0 3 * * 1"
    job = PipelineJob.to_dict(request.schedule.create_pipeline_job_request.pipeline_job)
    assert job["pipeline_spec"]["pipelineInfo"]["name"] == "tiny"
    assert output.splitlines()[-1] == f"sent: {request.parent}/schedules/7"


def test_kubeflow_receives_the_spec_and_the_values(run, spec, kubeflow):
    address, received = kubeflow

    status, output, errors = run(
        "submit", spec, "--endpoint", address, *_OUTPUT_ROOT, *_CHANGED, "--yes"
    )

    assert (status, errors) == (0, "")
    assert output.splitlines()[-1] == "sent: r-1"
    [body] = [body for method, path, body in received if path == "/apis/v2beta1/runs"]
    assert body["experiment_id"] == "e-1"
    assert (
        body["pipeline_spec"]["root"]["inputDefinitions"]
        == (specs.one_task()["root"]["inputDefinitions"])
    )
    assert body["runtime_config"]["pipeline_root"] == "gs://a-bucket/albert/pipeline"
    assert body["runtime_config"]["parameters"]["sequence_length"] == 77


def test_kubeflow_receives_a_schedule_that_counts_seconds(run, spec, kubeflow):
    address, received = kubeflow

    status, output, _ = run(
        "submit",
        spec,
        *("--endpoint", address, *_OUTPUT_ROOT, "--schedule", "0 3 * * 1", "--yes"),
    )

    assert status == 0
    assert output.splitlines()[-1] == "sent: rr-1"
    [body] = [body for method, path, body in received if path == "/apis/v2beta1/recurringruns"]
    assert body["trigger"]["cron_schedule"]["cron"] == "0 0 3 * * 1"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (_OUTPUT_ROOT, "There is no Google Cloud project to run in. Name it with --project"),
        (_VERTEX, "--output-root names no bucket. Give a folder in a bucket of yours, such as"),
        (
            [*_VERTEX, "--output-root", "output"],
            "--output-root 'output' is not in a bucket. Give a folder in a bucket of yours, such "
            "as --output-root gs://my-bucket/albert.",
        ),
        (
            [*_VERTEX, "--output-root", "gs://BUCKET/albert"],
            "--output-root 'gs://BUCKET/albert' has BUCKET where the name of your bucket belongs. "
            "Put it there; `gcloud storage buckets list`",
        ),
        (
            ["--project", "PROJECT", *_OUTPUT_ROOT],
            "PROJECT is a placeholder for the id of your Google Cloud project. Put it there;",
        ),
        ([*_VERTEX, *_OUTPUT_ROOT, "--yes"], "There are no Google Cloud credentials on this"),
        ([*_VERTEX, *_OUTPUT_ROOT, "--parameter", "a=1"], "There is no parameter 'a'."),
        ([*_VERTEX, *_OUTPUT_ROOT, "--parameter", "encoder="], "--parameter encoder is empty."),
        ([*_VERTEX, *_OUTPUT_ROOT, "--parameter", "preprocessor="], "preprocessor is empty."),
        (
            [*_VERTEX, *_OUTPUT_ROOT, "--parameter", "encoder=gs://mine/e[1]"],
            "--parameter encoder 'gs://mine/e[1]' has the character '['",
        ),
        (
            [*_VERTEX, *_OUTPUT_ROOT, "--parameter", "dataset=gs://BUCKET/mine"],
            "--parameter 'dataset=gs://BUCKET/mine' has BUCKET where the name of your bucket",
        ),
        (
            [*_VERTEX, *_OUTPUT_ROOT, "--schedule", "every day"],
            "--schedule 'every day' is no cron expression. Give minute, hour, day, month and day",
        ),
        ([*_VERTEX, *_OUTPUT_ROOT, "--schedule", "0 3 * *"], "is no cron expression"),
        ([*_OUTPUT_ROOT, "--endpont", "x"], "no option '--endpont'. Did you mean --endpoint?"),
        *(
            (
                [*_VERTEX, *_OUTPUT_ROOT, "--region", "us-centra1", *sent],
                "Vertex AI knows no region 'us-centra1'. Did you mean us-central1?",
            )
            for sent in ([], ["--yes"])
        ),
    ],
)
def test_what_is_missing_is_one_line_and_nothing_is_sent(run, spec, no_network, options, expected):
    status, output, errors = run("submit", spec, *options)

    assert (status, output, no_network) == (2, "", [])
    assert errors.startswith("error: ")
    assert expected in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    "options", [_OUTPUT_ROOT, ["--output-root", "BUCKET"], [*_VERTEX, "--region", "nowhere"]]
)
def test_a_file_that_is_missing_is_said_before_what_else_is(run, tmp_path, options):
    status, _, errors = run("submit", str(tmp_path / "none.yaml"), *options)

    assert status == 2
    assert "none.yaml" in errors


def test_a_bucket_that_is_not_there_is_one_line(run, spec, vertex, storage):
    status, output, errors = run(
        "submit", spec, *_VERTEX, "--output-root", "gs://another/albert", "--yes"
    )

    assert (status, output, vertex) == (2, "", [])
    assert errors == (
        "error: There is no bucket 'another'. Make it with `gcloud storage buckets create "
        "gs://another`, or name another one.\n"
    )
    assert len(storage) == 1


def test_a_pipeline_that_kubeflow_cannot_run_is_not_sent_to_it(run, tmp_path, kubeflow):
    address, received = kubeflow
    path = tmp_path / "pipeline.yaml"
    content = specs.one_task()
    content["deploymentSpec"]["executors"]["exec-resolver"] = {"resolver": {}}
    spec_file.write(content, path)

    status, output, errors = run("submit", str(path), "--endpoint", address, *_OUTPUT_ROOT, "--yes")

    assert (status, output, received) == (2, "", [])
    assert errors.endswith("Compile it with --no-resolver.\n")
    assert errors.count("\n") == 1


def test_an_endpoint_that_does_not_answer_is_one_line(run, spec):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"

        status, _, errors = run("submit", spec, "--endpoint", address, *_OUTPUT_ROOT, "--yes")

    assert status == 2
    assert errors.startswith(f"error: Kubeflow Pipelines at {address} cannot take the pipeline (")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "File {} does not exist. Give a file that `kubeflow_runner.py compile` wrote."),
        ("{", "{} cannot be read"),
        ("a: 1", "{} is no pipeline of this project"),
        ("text", "{} is no pipeline of this project"),
    ],
)
@pytest.mark.parametrize("command", [["submit", *_VERTEX, *_OUTPUT_ROOT], ["replay"]])
def test_a_file_that_is_no_spec_is_one_line(run, tmp_path, command, content, expected):
    path = tmp_path / "pipeline.yaml"
    if content is not None:
        path.write_text(content)

    status, _, errors = run(command[0], str(path), *command[1:])

    assert status == 2
    assert errors.startswith(f"error: {expected.format(path)}")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "the following arguments are required: --image"),
        (
            ["--image", "i", "--csv", "a.csv"],
            "no option '--csv' here. It is one of local_runner.py.",
        ),
        (["--image", ""], "--image is empty. Give a value, or leave the option out."),
        (["--image", "Not An Image"], "--image cannot be 'Not An Image'. Give the image as it is"),
        (["--image", "i", "--output", ""], "there is no option '--output' here."),
        (
            ["--image", "i", "--resources", "T"],
            "'T' does not say what a task needs.",
        ),
        (
            ["--image", "i", "--train-on", "m"],
            "There is no Google Cloud project to run in. Name it with --project or in "
            "GOOGLE_CLOUD_PROJECT.\n",
        ),
        (["--image", "i", "--train-gpu", "T4"], "--train-gpu needs --train-on."),
        (
            ["--image", "i", "--project", "p", "--train-on", "m", "--train-gpu", "T4:x"],
            "--train-gpu 'T4:x' is not TYPE:COUNT.",
        ),
        *(
            (
                ["--image", "i", "--project", "p", "--train-on", "m", "--train-gpu", gpu],
                "TYPE:COUNT",
            )
            for gpu in ("T4:0", "T4:", ":2")
        ),
        (["--image", "i", "--dataflow-image", "d"], "--dataflow-image needs --dataflow."),
        (
            ["--image", "i", "--service-account", "a"],
            "--service-account needs --train-on or --dataflow.",
        ),
        (
            [*_DATAFLOW, "temporary", "--dataflow-image", "d"],
            "--dataflow 'temporary' is not in a bucket.",
        ),
        (
            [*_DATAFLOW, "gs://BUCKET/temporary", "--dataflow-image", "d"],
            "--dataflow 'gs://BUCKET/temporary' has BUCKET where the name of your bucket belongs.",
        ),
        *(
            (
                ["--image", "i", f"{option}={before}gs://BUCKET/folder"],
                f"{option} '{before}gs://BUCKET/folder' has BUCKET where the name of your bucket",
            )
            for option, before in [
                ("--data-dir", ""),
                ("--dataset", ""),
                ("--encoder", ""),
                ("--preprocessor", ""),
                ("--beam-arg", "--staging_location="),
            ]
        ),
        *(
            (["--image", image], f"has {name} where a name of your own belongs. Give the image")
            for image, name in [
                ("IMAGE", "IMAGE"),
                ("IMAGE:gpu", "IMAGE"),
                ("REGISTRY/albert-tfx:1", "REGISTRY"),
                ("europe-docker.pkg.dev/PROJECT/albert/albert-tfx", "PROJECT"),
            ]
        ),
        (
            [*_DATAFLOW, "gs://bucket/t", "--dataflow-image", "IMAGE:dataflow"],
            "--dataflow-image 'IMAGE:dataflow' has IMAGE where",
        ),
        ([*_DATAFLOW, "gs://bucket/t"], "--dataflow needs --dataflow-image."),
        (["--image", "i", "--sequence-length", "2"], "sequence-length cannot be 2."),
        (
            ["--image", "i", "--dataset", "imdb_review"],
            "Data set 'imdb_review' cannot be used: TFDS has no such name. Did you mean imdb_revi",
        ),
        (
            ["--image", "i", "--data-dir", "/nowhere"],
            "--data-dir /nowhere is on this machine only. Copy it to a bucket",
        ),
        (
            ["--image", "i", "--metric", "f1:positiv"],
            "--metric f1:positiv names no class of these texts. Did you mean positive?",
        ),
    ],
)
def test_a_pipeline_that_could_not_run_is_not_compiled(
    run, tmp_path, monkeypatch, options, expected
):
    monkeypatch.setitem(sys.modules, "pipelines.cloud.compiler", None)  # which imports TFX
    path = tmp_path / "pipeline.yaml"

    status, output, errors = run("compile", "--spec", str(path), *options)

    assert (status, output) == (2, "")
    assert expected in errors
    assert errors.count("\n") == 1
    assert not path.exists()


def test_what_is_stopped_by_the_keyboard_says_so_by_its_status_alone(run, monkeypatch):
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(spec_file, "require_place", interrupt)

    assert run("compile", "--image", "i") == (130, "", "")


@pytest.mark.parametrize("place", ["none/pipeline.yaml", "."])
def test_a_file_that_could_not_be_written_is_refused_before_anything_is_compiled(
    run, tmp_path, place
):
    status, output, errors = run("compile", "--image", "i", "--spec", str(tmp_path / place))

    assert (status, output) == (2, "")
    assert "cannot be written" in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--at-once", "0"], "--at-once cannot be 0. Give at least 1."),
        (["--output", "gs://bucket/o"], "--output gs://bucket/o is not on this machine"),
        (["--package", "nowhere"], "This project is not installed in nowhere. Install it there"),
        (["--engine", "runc"], "--engine cannot be 'runc'. Give docker or podman."),
        (["--network", "host"], "--network needs --engine."),
        (["--engine", "podman", "--package", "."], "--package does not go with --engine."),
    ],
)
def test_a_replay_that_could_not_run_is_one_line(run, spec, tmp_path, options, expected):
    status, output, errors = run("replay", spec, "--output", str(tmp_path / "output"), *options)

    assert (status, output) == (2, "")
    assert expected in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("pusher", "expected"),
    [
        ({"pushed": 1.0, "pushed_destination": "/serving/7"}, "/serving/7"),
        ({"pushed": 0.0, "pushed_destination": ""}, "nothing"),
        (None, "nothing"),
    ],
)
def test_a_replay_says_what_it_pushed_itself(run, tmp_path, pusher, expected):
    output, path = tmp_path / "output", tmp_path / "pipeline.yaml"
    for earlier in ("5", "5.old"):
        (output / "serving" / earlier).mkdir(parents=True)
    executors = {} if pusher is None else {"Pusher": specs.writes(**pusher)}
    executors["ComparisonReport"] = specs.writes()
    outputs = {"Pusher": "pushed_model", "ComparisonReport": "report"}
    spec_file.write(specs.of_executors(executors, outputs=outputs), path)

    status, lines, errors = run("replay", str(path), "--output", str(output))

    assert (status, errors) == (0, "")
    report = output / "replay" / "toy" / "run-0001" / "ComparisonReport" / "report"
    assert lines.splitlines()[-2:] == [f"pushed          {expected}", f"report          {report}"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_replay_that_is_stopped_ends_its_task_in_one_line(waiting, number):
    process, fifo = waiting

    process.send_signal(number)
    output, errors = process.communicate(timeout=60)

    assert process.returncode == 128 + number
    assert output.splitlines()[1:] == ["stopped. The same command starts from the beginning."]
    assert errors == ""
    assert fifo.read() == b"told to end"
    assert fifo.read() == b""


def test_two_replays_do_not_write_to_one_folder(waiting, run, tmp_path):
    path = tmp_path / "quick.yaml"
    spec_file.write(specs.of_executors({"Pusher": specs.writes()}), path)

    status, output, errors = run("replay", str(path), "--output", str(tmp_path / "output"))

    assert (status, output) == (2, "")
    assert errors == (
        f"error: another run is writing to {tmp_path / 'output'}. "
        "Wait for it, or give another folder with --output DIR.\n"
    )


def test_a_command_that_is_not_there_is_one_line(run):
    status, _, errors = run("submitt")

    assert status == 2
    assert errors == "error: there is no command 'submitt'. Did you mean submit?\n"


def test_the_help_s_examples_with_gpus_name_the_image_that_has_their_libraries(capsys):
    assert kubeflow_runner.main(["compile", "--help"]) == 0

    examples = re.split(r"^  (?=python )", capsys.readouterr().out, flags=re.MULTILINE)
    with_gpus = [each for each in examples if re.search(r"gpu=N|--train-gpu N", each)]
    assert len(with_gpus) == 2
    assert all("--image IMAGE:gpu" in example for example in with_gpus)


@pytest.mark.parametrize("command", [[], ["compile"], ["submit"], ["replay"]])
def test_the_help_imports_nothing_heavy(command):
    code = (
        "import sys, kubeflow_runner\n"
        f"try: kubeflow_runner.main({[*command, '--help']})\n"
        "finally: print(sorted({'tensorflow', 'tfx', 'kfp', 'google.auth'} & {*sys.modules}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(_PROJECT)}
    output = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)

    assert "python kubeflow_runner.py" in output
    assert output.splitlines()[-1] == "[]"
