"""Compiles the pipeline for Kubeflow and Vertex AI, submits it there, or replays it here.

`python kubeflow_runner.py --help` explains the commands.
"""

import argparse
import contextlib
import dataclasses
import difflib
import functools
import logging
import os
import pathlib
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO

from albert_tfx.errors import InputError
from pipelines import command_line
from pipelines.cloud import parameters, replay, resources, submission
from pipelines.cloud import spec as spec_file
from pipelines.config import CustomJob, PipelineConfig, build_config, local_output
from pipelines.local import interruption, run_log

# Whatever takes longer to import is imported where it is needed, so that --help and a misspelt
# option are answered at once.

_STANDARD_ERROR = 2
_GPU = re.compile(r"([^:]+)(?::([1-9][0-9]*))?")

_HELP = """\
usage: python kubeflow_runner.py COMMAND [options]

The same pipeline that local_runner.py runs, on Vertex AI Pipelines or a Kubeflow cluster.

  compile   write the pipeline as one file, for either of them
  replay    run that file on this machine, with the very commands of its containers
  submit    show what would be sent; with --yes, send it

From nothing to a run, where docs/deployment.md says what it needs and costs:

  export GOOGLE_CLOUD_PROJECT=PROJECT
  docker build --tag REGISTRY/albert-tfx . && docker push REGISTRY/albert-tfx
  python kubeflow_runner.py compile --image REGISTRY/albert-tfx --preset imdb
  python kubeflow_runner.py replay pipeline.yaml --output output/replay
  python kubeflow_runner.py submit pipeline.yaml --output-root gs://BUCKET/albert
  python kubeflow_runner.py submit pipeline.yaml --output-root gs://BUCKET/albert --yes

python kubeflow_runner.py COMMAND --help explains a command's options. Exit status: 0 done; 1 a
task failed; 2 the input cannot be used; 130 stopped by Ctrl-C; 143 by SIGTERM.
"""

_COMPILE_EPILOG = """\
examples:
  python kubeflow_runner.py compile --image europe-docker.pkg.dev/PROJECT/REPOSITORY/albert-tfx
      the sample reviews; every task in its own container
  python kubeflow_runner.py compile --image IMAGE:gpu --preset imdb \\
      --resources 'Trainer.*:cpu=8,memory=32,gpu=NVIDIA_L4' \\
      --resources 'EmbeddingGen:cpu=8,memory=32,gpu=NVIDIA_L4'
      IMDB and ALBERT-base, with a GPU for what trains or embeds
  python kubeflow_runner.py compile --image IMAGE:gpu --preset imdb --project PROJECT \\
      --train-on n1-standard-8 --train-gpu NVIDIA_TESLA_T4 \\
      --dataflow gs://BUCKET/temporary --dataflow-image IMAGE:dataflow
      Trainers as Vertex AI custom jobs, Beam stages on Dataflow

A file of your own, --csv, is for local_runner.py; docs/deployment.md says in section 1 how to bring
it to a bucket.

The file is the same for the same options, byte for byte, and names nothing of this machine. Data
set, encoder, preprocessor, sequence length and learning rates given here are defaults: submit may
change them.
"""

_SUBMIT_EPILOG = """\
examples, after export GOOGLE_CLOUD_PROJECT=PROJECT:
  python kubeflow_runner.py submit pipeline.yaml --output-root gs://BUCKET/albert
      shows what would be sent to Vertex AI, and sends nothing
  python kubeflow_runner.py submit pipeline.yaml --output-root gs://BUCKET/albert \\
      --parameter fine_tuned_learning_rate=2e-5 --yes
      starts a run with another learning rate
  python kubeflow_runner.py submit pipeline.yaml --output-root gs://BUCKET/albert \\
      --schedule '0 3 * * 1' --no-cache --yes
      trains again every Monday at three
  python kubeflow_runner.py submit pipeline.yaml --output-root gs://BUCKET/albert \\
      --endpoint http://localhost:8080 --yes
      on a Kubeflow cluster; a token of its API is read from KFP_TOKEN
"""

_REPLAY_EPILOG = """\
examples:
  python kubeflow_runner.py replay pipeline.yaml --output output/replay
      every task in a process of its own, with the command that its container would start
  pip install --no-deps --target output/image . && \\
  python kubeflow_runner.py replay pipeline.yaml --output output/replay --package output/image
      the same with only the installed package, as in the container

A pipeline that replays to its pushed model needs nothing of the machine that compiled it. Trainers
as custom jobs and Beam stages on Dataflow do not replay: compile without them to try the rest.

Exit status: 0 done, also where no model was good enough to be pushed; 1 a task failed; 2 the input
cannot be used; 130 stopped by Ctrl-C; 143 by SIGTERM. A replay that is stopped ends its tasks.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Does what `argv` asks for.

    Args:
      argv: The command and its options; the process's own if None.

    Returns:
      The exit status.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_HELP, end="")
        return 0
    try:
        return _command(arguments[0])(arguments[1:])
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _command(name: str) -> Callable[[list[str]], int]:
    commands = {"compile": _compile, "submit": _submit, "replay": _replay}
    if name not in commands:
        close = difflib.get_close_matches(name, commands, n=1)
        known = f"Did you mean {close[0]}" if close else f"There are {', '.join(commands)}"
        raise InputError(f"there is no command {name!r}", known)
    return commands[name]


def _compile(argv: list[str]) -> int:
    arguments = _compile_parser().parse_args(argv)
    spec_file.require_place(arguments.spec)
    _refuse_options_without_use(arguments)
    needs = [resources.parse(text) for text in arguments.resources]
    arguments.beam_arg = [*_dataflow_args(arguments), *arguments.beam_arg]
    config = dataclasses.replace(build_config(arguments), custom_job=_custom_job(arguments))
    print("compiling the pipeline", flush=True)
    with _quiet():
        spec = _compiled(config, arguments, needs)
    spec_file.write(spec, arguments.spec)
    print(f"wrote {arguments.spec}: {len(spec['root']['dag']['tasks'])} tasks of {arguments.image}")
    return 0


def _refuse_options_without_use(arguments: argparse.Namespace) -> None:
    if arguments.train_gpu is not None and arguments.train_on is None:
        raise InputError("--train-gpu needs --train-on", "Name the machine that the GPU is in")
    if arguments.dataflow_image is not None and arguments.dataflow is None:
        raise InputError(
            "--dataflow-image needs --dataflow",
            "Name a folder for temporary files with --dataflow gs://BUCKET/FOLDER",
        )
    if arguments.service_account and not (arguments.train_on or arguments.dataflow):
        raise InputError(
            "--service-account needs --train-on or --dataflow",
            "Give the account that the tasks act as to submit",
        )


def _compiled(
    config: PipelineConfig,
    arguments: argparse.Namespace,
    needs: Sequence[tuple[str, resources.Resources]],
) -> dict[str, Any]:
    from pipelines.cloud import compiler

    defaults = _default_resources(arguments)
    spec = compiler.compile_pipeline(config, arguments.image, (*defaults, *needs))
    tasks = spec_file.tasks(spec).values()
    in_containers = [task.title for task in tasks if "container" in task.executor]
    resources.require_nodes([pattern for pattern, _ in needs], in_containers)
    return compiler.without_resolvers(spec) if arguments.no_resolver else spec


def _compile_parser() -> command_line.Parser:
    parser = command_line.Parser(
        prog="kubeflow_runner.py compile",
        usage="python kubeflow_runner.py compile --image IMAGE [options]",
        description="Writes the pipeline as one file, for Vertex AI and Kubeflow Pipelines 2.",
        epilog=_COMPILE_EPILOG,
    )
    add = command_line.group(parser, "the deployment")
    image = "container image with this project in it; see the Dockerfile"
    add("--image", image, "none", required=True)
    add("--spec", "file to write", "pipeline.yaml", default="pipeline.yaml", metavar="FILE")
    no_resolver = (
        "do not look up the model in production: Vertex AI can, Kubeflow's own backend cannot"
    )
    add("--no-resolver", no_resolver, "look it up", action="store_true")
    _add_resources(add)
    add = command_line.group(parser, "the heavy parts, by other services of Google Cloud")
    _add_google_cloud(add, "that they run in")
    _add_custom_jobs(add)
    _add_dataflow(add)
    account = "account that the custom jobs and Dataflow's workers act as"
    add("--service-account", account, "the project's default", metavar="MAIL")
    command_line.add_options(parser, local=False)
    return parser


def _add_resources(add: Callable[..., None]) -> None:
    add(
        "--resources",
        "what a task may use, as 'PATTERN:cpu=N,memory=GB,gpu=TYPE,gpus=N', where PATTERN is of "
        "TFX node ids and the gpu may be left out; may be repeated",
        "; ".join(f"{pattern}: {r.cpu} CPUs, {r.memory} GB" for pattern, r in resources.DEFAULTS),
        action="append",
        default=[],
        metavar="NEED",
    )


def _add_google_cloud(add: Callable[..., None], use: str) -> None:
    project = os.environ.get("GOOGLE_CLOUD_PROJECT")
    add("--project", f"Google Cloud project {use}", "GOOGLE_CLOUD_PROJECT", default=project)
    add("--region", "Google Cloud region of it", "us-central1", default="us-central1")


def _add_custom_jobs(add: Callable[..., None]) -> None:
    machine = "machine type, to run the Trainers as Vertex AI custom jobs"
    add("--train-on", machine, "none", metavar="TYPE")
    add("--train-gpu", "GPU of that machine, as TYPE or TYPE:COUNT", "none", metavar="GPU")


def _add_dataflow(add: Callable[..., None]) -> None:
    folder = "gs:// folder for temporary files, to run the Beam stages on Dataflow"
    add("--dataflow", folder, "none", metavar="FOLDER")
    image = "image of Dataflow's workers; see the Dockerfile"
    add("--dataflow-image", image, "none", metavar="IMAGE")


def _default_resources(
    arguments: argparse.Namespace,
) -> tuple[tuple[str, resources.Resources], ...]:
    """A Trainer that only waits for its custom job needs no machine of its own."""
    return tuple(
        (pattern, needed)
        for pattern, needed in resources.DEFAULTS
        if arguments.train_on is None or pattern != resources.TRAINERS
    )


def _dataflow_args(arguments: argparse.Namespace) -> tuple[str, ...]:
    if arguments.dataflow is None:
        return ()
    if arguments.dataflow_image is None:
        raise InputError(
            "--dataflow needs --dataflow-image",
            "Name the image that was built with --target dataflow",
        )
    account = arguments.service_account
    return (
        "--runner=DataflowRunner",
        f"--project={submission.require_project(arguments.project)}",
        f"--region={arguments.region}",
        f"--temp_location={submission.require_bucket_path(arguments.dataflow, '--dataflow')}",
        f"--sdk_container_image={arguments.dataflow_image}",
        "--experiments=use_runner_v2",
        *([f"--service_account_email={account}"] if account else []),
    )


def _custom_job(arguments: argparse.Namespace) -> CustomJob | None:
    if arguments.train_on is None:
        return None
    gpu, count = _gpu(arguments.train_gpu)
    return CustomJob(
        project=submission.require_project(arguments.project),
        region=arguments.region,
        image=arguments.image,
        machine_type=arguments.train_on,
        accelerator_type=gpu,
        accelerator_count=count,
        service_account=arguments.service_account or "",
    )


def _gpu(given: str | None) -> tuple[str, int]:
    """Reads TYPE or TYPE:COUNT."""
    if given is None:
        return "", 0
    match = _GPU.fullmatch(given)
    if match is None:
        raise InputError(
            f"--train-gpu {given!r} is not TYPE:COUNT",
            "Give the GPU's type and, of more than one, their number: NVIDIA_TESLA_T4:2",
        )
    return match[1], int(match[2] or 1)


def _submit(argv: list[str]) -> int:
    arguments = _submit_parser().parse_args(argv)
    output_root = submission.require_bucket_path(arguments.output_root, "--output-root")
    if arguments.endpoint is None:
        cluster = ", or name a Kubeflow cluster with --endpoint URL"
        submission.require_project(arguments.project, cluster)
        with _quiet():
            submission.require_region(arguments.region)
    schedule = submission.require_cron(arguments.schedule)
    send = _sender(arguments, output_root) if arguments.yes else None
    with _quiet():
        request = _request(arguments, output_root, schedule)
    where = arguments.endpoint or f"Vertex AI, project {arguments.project}, {arguments.region}"
    print(f"to               {where}\n{request}")
    if send is None:
        print("nothing was sent: add --yes to send it")
        return 0
    with _quiet():
        name = send(request)
    print(f"sent: {name}")
    return 0


def _sender(arguments: argparse.Namespace, output_root: str) -> Callable[[submission.Request], str]:
    """Returns what sends a request, once it is sure that it may."""
    if arguments.endpoint is not None:
        return functools.partial(
            submission.submit_to_kubeflow,
            endpoint=arguments.endpoint,
            namespace=arguments.namespace,
            token=os.environ.get("KFP_TOKEN"),
        )
    with _quiet():
        credentials = submission.find_credentials()
        submission.require_bucket(output_root, arguments.project, credentials)
    return functools.partial(
        submission.submit_to_vertex,
        project=arguments.project,
        region=arguments.region,
        credentials=credentials,
    )


def _request(
    arguments: argparse.Namespace, output_root: str, schedule: str | None
) -> submission.Request:
    spec = spec_file.read(arguments.spec)
    if arguments.endpoint is not None:
        submission.refuse_resolvers(spec)
    return submission.Request(
        path=pathlib.Path(arguments.spec),
        spec=spec,
        values=parameters.read_values(spec, arguments.parameter, output_root),
        cache=not arguments.no_cache,
        schedule=schedule,
        service_account=arguments.service_account,
    )


def _submit_parser() -> command_line.Parser:
    parser = command_line.Parser(
        prog="kubeflow_runner.py submit",
        usage="python kubeflow_runner.py submit SPEC --output-root gs://BUCKET/FOLDER [options]",
        description="Shows what would be sent to Vertex AI or a Kubeflow cluster; --yes sends it.",
        epilog=_SUBMIT_EPILOG,
    )
    parser.add_argument("spec", help="file that compile wrote", metavar="SPEC")
    add = command_line.group(parser, "the run")
    add("--output-root", "gs:// folder that receives everything", "none", metavar="FOLDER")
    _add_parameter(add)
    add("--schedule", "cron expression, to run again and again", "once, now", metavar="CRON")
    add(
        "--no-cache", "let no task take over what an earlier run made", "cache", action="store_true"
    )
    add("--service-account", "account that the tasks act as", "the backend's own", metavar="NAME")
    add("--yes", "send it", "show it only", action="store_true")
    add = command_line.group(parser, "where")
    _add_google_cloud(add, "on Vertex AI")
    add(
        "--endpoint",
        "URL of a Kubeflow Pipelines API, in place of Vertex AI",
        "none",
        metavar="URL",
    )
    add("--namespace", "of a Kubeflow that several users share", "none", metavar="NAME")
    return parser


def _add_parameter(add: Callable[..., None]) -> None:
    add(
        "--parameter",
        "value of one of the pipeline's parameters, as NAME=VALUE; may be repeated",
        "what was compiled",
        action="append",
        default=[],
        metavar="VALUE",
    )


def _replay(argv: list[str]) -> int:
    arguments = _replay_parser().parse_args(argv)
    _require_tasks(arguments.at_once)
    _require_package(arguments.package)
    output = pathlib.Path(local_output(arguments.output))
    spec = spec_file.read(arguments.spec)
    values = parameters.read_values(spec, arguments.parameter, str(output))
    try:
        with run_log.capture(str(output / "run.log")) as terminal:
            run = replay.Replay(spec, values, output / "replay", arguments.package)
            with interruption.stop_at_once(functools.partial(_stop, run, terminal)):
                run.run(arguments.at_once, functools.partial(_say, terminal))
    except replay.TaskError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"pushed          {_pushed(run)}")
    print(f"report          {run.uri('ComparisonReport', 'report') or 'none'}")
    return 0


def _require_tasks(at_once: int) -> None:
    if at_once < 1:
        raise InputError(f"--at-once cannot be {at_once}", "Give at least 1")


def _require_package(folder: str | None) -> None:
    """Without this project in it, the tasks would run the one that is installed here."""
    if folder is not None and not pathlib.Path(folder, "pipelines").is_dir():
        raise InputError(
            f"This project is not installed in {folder}",
            f"Install it there with `pip install --no-deps --target {folder} .`",
        )


def _stop(run: replay.Replay, terminal: TextIO) -> None:
    run.stop()
    print("stopped. The same command starts from the beginning.", file=terminal, flush=True)


def _say(terminal: TextIO, title: str, seconds: float | None) -> None:
    state = "running" if seconds is None else f"done {seconds:8.1f} s"
    print(f"{title:<30}{state}", file=terminal, flush=True)


def _pushed(run: replay.Replay) -> str:
    """Returns where this run pushed its model, by what its Pusher says."""
    metadata = run.metadata("Pusher", "pushed_model")
    return metadata["pushed_destination"] if metadata.get("pushed") else "nothing"


def _replay_parser() -> command_line.Parser:
    parser = command_line.Parser(
        prog="kubeflow_runner.py replay",
        usage="python kubeflow_runner.py replay SPEC --output DIR [options]",
        description="Runs a compiled pipeline on this machine, task by task, with the commands of "
        "its containers.",
        epilog=_REPLAY_EPILOG,
    )
    parser.add_argument("spec", help="file that compile wrote", metavar="SPEC")
    add = command_line.group(parser, "the run")
    add("--output", "the output root", "output/replay", default="output/replay", metavar="DIR")
    add("--package", "folder into which this project was installed", "as it is now", metavar="DIR")
    add("--at-once", "tasks that may run at the same time", "1", type=int, default=1, metavar="N")
    _add_parameter(add)
    return parser


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what TensorFlow, TFX and the clients have to say off the terminal."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    sys.stderr.flush()
    terminal = os.dup(_STANDARD_ERROR)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), _STANDARD_ERROR)  # TensorFlow writes past Python
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
        os.dup2(terminal, _STANDARD_ERROR)
        os.close(terminal)


if __name__ == "__main__":
    sys.exit(main())
