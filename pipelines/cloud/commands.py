"""The commands of `kubeflow_runner.py`: compile, replay and submit."""

import argparse
import contextlib
import dataclasses
import functools
import logging
import os
import pathlib
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, TextIO

from albert_tfx import exit_status
from albert_tfx.contract import COMPARISON_REPORT, PUSHED, PUSHED_DESTINATION, PUSHER
from albert_tfx.data import catalogue
from albert_tfx.errors import InputError, did_you_mean
from albert_tfx.flags import Flag, at_least, check, declared, option, optional, switch
from albert_tfx.options import DatasetOptions
from pipelines import command_line, encoder_choice
from pipelines.cloud import google_cloud, parameters, replay, resources, starters, submission
from pipelines.cloud import spec as spec_file
from pipelines.local import interruption, preflight, run_log
from pipelines.request import Request, local_output

# Whatever takes longer to import is imported where it is needed, so that --help and a misspelt
# option are answered at once.

_STANDARD_ERROR = 2
_RUN, _WHERE, _DEPLOYMENT = "the run", "where", "the deployment"
_SPEC = Flag("spec", "", "file that compile wrote", "SPEC")
_PARAMETER = Flag(
    "--parameter",
    _RUN,
    "value of one of the pipeline's parameters, as NAME=VALUE; may be repeated",
    "VALUE",
    "what was compiled",
)

_EPILOG = """\
From nothing to a run, where docs/deployment.md says what it needs and costs:

  export GOOGLE_CLOUD_PROJECT=PROJECT
  docker build --tag REGISTRY/albert-tfx . && docker push REGISTRY/albert-tfx
  python kubeflow_runner.py compile --image REGISTRY/albert-tfx --preset imdb
  python kubeflow_runner.py replay pipeline.yaml --output output/replay
  python kubeflow_runner.py submit pipeline.yaml \\
      --output-root gs://BUCKET/albert
  python kubeflow_runner.py submit pipeline.yaml \\
      --output-root gs://BUCKET/albert --yes

python kubeflow_runner.py COMMAND --help explains a command's options. Exit
status: 0 done; 1 a task failed; 2 the input cannot be used; 130 stopped by
Ctrl-C; 143 by SIGTERM; 141 nobody reads the output any more.
"""

_COMPILE_EPILOG = """\
examples:
  python kubeflow_runner.py compile \\
      --image europe-docker.pkg.dev/PROJECT/REPOSITORY/albert-tfx
      the sample reviews; every task in its own container
  python kubeflow_runner.py compile --image IMAGE:gpu --preset imdb \\
      --resources 'Trainer.*:cpu=8,memory=32,gpu=NVIDIA_L4' \\
      --resources 'EmbeddingGen:cpu=8,memory=32,gpu=NVIDIA_L4'
      IMDB and ALBERT-base, with a GPU for what trains or embeds
  python kubeflow_runner.py compile --image IMAGE:gpu --preset imdb \\
      --project PROJECT --train-on n1-standard-8 --train-gpu NVIDIA_TESLA_T4 \\
      --dataflow gs://BUCKET/temporary --dataflow-image IMAGE:dataflow
      Trainers as Vertex AI custom jobs, Beam stages on Dataflow

A file of your own, --csv, is for local_runner.py; docs/deployment.md says in
section 1 how to bring it to a bucket.

The file is the same for the same options, byte for byte, and names nothing of
this machine. Data set, encoder, preprocessor, sequence length and learning
rates given here are defaults: submit may change them.
"""

_SUBMIT_EPILOG = """\
examples, after export GOOGLE_CLOUD_PROJECT=PROJECT:
  python kubeflow_runner.py submit pipeline.yaml \\
      --output-root gs://BUCKET/albert
      shows what would be sent to Vertex AI, and sends nothing
  python kubeflow_runner.py submit pipeline.yaml \\
      --output-root gs://BUCKET/albert \\
      --parameter fine_tuned_learning_rate=2e-5 --yes
      starts a run with another learning rate
  python kubeflow_runner.py submit pipeline.yaml \\
      --output-root gs://BUCKET/albert --schedule '0 3 * * 1' --no-cache --yes
      trains again every Monday at three
  python kubeflow_runner.py submit pipeline.yaml \\
      --output-root gs://BUCKET/albert --endpoint http://localhost:8080 --yes
      on a Kubeflow cluster; a token of its API is read from KFP_TOKEN
"""

_REPLAY_EPILOG = """\
examples:
  python kubeflow_runner.py replay pipeline.yaml --output output/replay
      every task in a process of its own, with the command that its container
      would start
  pip install --no-deps --target output/image . && \\
  python kubeflow_runner.py replay pipeline.yaml --output output/replay \\
      --package output/image
      the same with only the installed package, as in the container
  python kubeflow_runner.py replay pipeline.yaml --output output/replay \\
      --engine podman
      every task in a container of its image: read-only but for /tmp and the
      output folder, with no capability and no network; --network bridge where
      tasks download a data set or an encoder

Of each task it prints how long it took, the processor time, and the most memory
that it had.

A pipeline that replays to its pushed model needs nothing of the machine that
compiled it. Trainers as custom jobs and Beam stages on Dataflow do not replay:
compile without them to try the rest.

Exit status: 0 done, also where no model was good enough to be pushed; 1 a task
failed; 2 the input cannot be used; 130 stopped by Ctrl-C; 143 by SIGTERM. A
replay that is stopped ends its tasks.
"""


class _Parser(command_line.Parser):
    """The parser of the command, which guesses what a misspelt one meant."""

    def error(self, message: str) -> NoReturn:
        """Raises `message` as an `InputError`."""
        if match := re.search(r"COMMAND: invalid choice: '(.*?)'", message):
            remedy = did_you_mean(match[1], _COMMANDS, f"There are {', '.join(_COMMANDS)}")
            raise InputError(f"there is no command {match[1]!r}", remedy)
        super().error(message)


def run(argv: Sequence[str]) -> int:
    """Does what a command line asks for.

    Args:
      argv: The command and its options.

    Returns:
      The exit status.

    Raises:
      InputError: There is no such command, or what it was given cannot be used.
    """
    arguments = parser().parse_args(argv)
    if "run" not in arguments:
        parser().print_help()
        return 0
    status: int = arguments.run(arguments)
    return status


def parser() -> command_line.Parser:
    """Returns the parser of the commands and their options."""
    whole = _Parser(
        prog="kubeflow_runner.py",
        usage="python kubeflow_runner.py COMMAND [options]",
        description="The same pipeline that local_runner.py runs, on Vertex AI Pipelines or a\n"
        "Kubeflow cluster.",
        epilog=_EPILOG,
    )
    commands = whole.add_subparsers(
        title="commands", metavar="COMMAND", parser_class=command_line.Parser
    )
    for name, declare in _COMMANDS.items():
        add = functools.partial(
            commands.add_parser,
            name,
            prog=f"kubeflow_runner.py {name}",
            elsewhere=command_line.local_options,
        )
        declare(add)
    return whole


def options() -> dict[str, str]:
    """Returns the options of these commands, each with the command that has it."""
    classes = {
        "compile": (Target, google_cloud.Services),
        "submit": (Submission,),
        "replay": (Replaying,),
    }
    return {
        each.flag.name: f"kubeflow_runner.py {command}"
        for command, every in reversed(classes.items())
        for options_class in every
        for each in declared(options_class)
    }


@dataclasses.dataclass(frozen=True)
class Target:
    """What `compile` writes, and for which containers."""

    image: str = option(
        flag=Flag(
            "--image",
            _DEPLOYMENT,
            "container image with this project in it; see the Dockerfile",
            default="none",
            required=True,
        ),
        bounds=google_cloud.IMAGE,
        called="--image",
    )
    spec: str = option(
        "pipeline.yaml", Flag("--spec", _DEPLOYMENT, "file to write", "FILE", "pipeline.yaml")
    )
    no_resolver: bool = switch(
        "--no-resolver",
        _DEPLOYMENT,
        "do not look up the model in production: Vertex AI can, Kubeflow's own backend cannot",
        default="look it up",
    )
    resources: tuple[str, ...] = option(
        (),
        Flag(
            "--resources",
            _DEPLOYMENT,
            "what a task may use, as 'PATTERN:cpu=N,memory=GB,gpu=TYPE,gpus=N', where PATTERN is "
            "of TFX node ids and the gpu may be left out; may be repeated",
            "NEED",
            "; ".join(
                f"{pattern}: {r.cpu} CPUs, {r.memory} GB" for pattern, r in resources.DEFAULTS
            ),
        ),
    )

    def __post_init__(self) -> None:
        check(self)


def _declare_compile(add: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add(
        help="write the pipeline as one file, for either of them",
        usage="python kubeflow_runner.py compile --image IMAGE [options]",
        description="Writes the pipeline as one file, for Vertex AI and Kubeflow Pipelines 2.",
        epilog=_COMPILE_EPILOG,
    )
    command_line.add_flags(parser, Target, google_cloud.Services)
    command_line.add_options(parser, local=False)
    parser.set_defaults(
        run=lambda given: _compile(
            command_line.read(Target, given),
            command_line.read(google_cloud.Services, given),
            command_line.read_request(given),
        )
    )


def _compile(target: Target, services: google_cloud.Services, request: Request) -> int:
    spec_file.require_place(target.spec)
    needs = [resources.parse(text) for text in target.resources]
    dataflow_args, job = services.dataflow_args(), services.custom_job(target.image)
    request.refuse_local_paths()
    catalogue.require_known(request.of(DatasetOptions).name)
    with _quiet():
        preflight.require_class_of_metric(request)
    request = encoder_choice.settle_for_tasks(request)
    for remark in request.remarks:
        print(remark)
    print("compiling the pipeline", flush=True)
    with _quiet():
        preflight.check_models_here(request)
        from pipelines.cloud import compiler

        machines = (*_default_resources(services), *needs)
        spec = compiler.compile_request(request, target.image, machines, job, dataflow_args)
    tasks = spec_file.tasks(spec).values()
    in_containers = [task.title for task in tasks if "container" in task.executor]
    resources.require_nodes([pattern for pattern, _ in needs], in_containers)
    if target.no_resolver:
        spec = compiler.without_resolvers(spec)
    spec_file.write(spec, target.spec)
    print(f"wrote {target.spec}: {len(spec_file.tasks(spec))} tasks of {target.image}")
    return 0


def _default_resources(
    services: google_cloud.Services,
) -> tuple[tuple[str, resources.Resources], ...]:
    """A Trainer that only waits for its custom job needs no machine of its own."""
    return tuple(
        (pattern, needed)
        for pattern, needed in resources.DEFAULTS
        if services.train_on is None or pattern != resources.TRAINERS
    )


@dataclasses.dataclass(frozen=True)
class Submission:
    """What `submit` sends, and where."""

    spec: str = option(flag=_SPEC)
    output_root: str | None = optional(
        "--output-root", _RUN, "gs:// folder that receives everything", "FOLDER"
    )
    parameters: tuple[str, ...] = option((), _PARAMETER)
    schedule: str | None = optional(
        "--schedule", _RUN, "cron expression, to run again and again", "CRON", "once, now"
    )
    no_cache: bool = switch(
        "--no-cache", _RUN, "let no task take over what an earlier run made", default="cache"
    )
    service_account: str | None = optional(
        "--service-account", _RUN, "account that the tasks act as", "NAME", "the backend's own"
    )
    yes: bool = switch("--yes", _RUN, "send it", default="show it only")
    project: str | None = google_cloud.project_option(_WHERE, "on Vertex AI")
    region: str = google_cloud.region_option(_WHERE)
    endpoint: str | None = optional(
        "--endpoint", _WHERE, "URL of a Kubeflow Pipelines API, in place of Vertex AI", "URL"
    )
    namespace: str | None = optional(
        "--namespace", _WHERE, "of a Kubeflow that several users share", "NAME"
    )


def _declare_submit(add: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add(
        help="show what would be sent; with --yes, send it",
        usage="python kubeflow_runner.py submit SPEC\n"
        "       --output-root gs://BUCKET/FOLDER [options]",
        description="Shows what would be sent to Vertex AI or a Kubeflow cluster; --yes sends it.",
        epilog=_SUBMIT_EPILOG,
    )
    command_line.add_flags(parser, Submission)
    parser.set_defaults(run=lambda given: _submit(command_line.read(Submission, given)))


def _submit(asked: Submission) -> int:
    with _quiet():
        spec = spec_file.read(asked.spec)  # the file first, which everything else is about
    output_root = submission.require_bucket_path(asked.output_root, "--output-root")
    if asked.endpoint is None:
        cluster = ", or name a Kubeflow cluster with --endpoint URL"
        submission.require_project(asked.project, cluster)
        with _quiet():
            submission.require_region(asked.region)
    schedule = submission.require_cron(asked.schedule)
    send = _sender(asked, output_root) if asked.yes else None
    with _quiet():
        request = _request(asked, spec, output_root, schedule)
    where = asked.endpoint or f"Vertex AI, project {asked.project}, {asked.region}"
    print(f"to               {where}\n{request}")
    if send is None:
        print("nothing was sent: add --yes to send it")
        return 0
    with _quiet():
        name = send(request)
    print(f"sent: {name}")
    return 0


def _sender(asked: Submission, output_root: str) -> Callable[[submission.Request], str]:
    """Returns what sends a request, once it is sure that it may."""
    if asked.endpoint is not None:
        return functools.partial(
            submission.submit_to_kubeflow,
            endpoint=asked.endpoint,
            namespace=asked.namespace,
            token=os.environ.get("KFP_TOKEN"),
        )
    project = submission.require_project(asked.project)
    with _quiet():
        credentials = submission.find_credentials()
        submission.require_bucket(output_root, project, credentials)
    return functools.partial(
        submission.submit_to_vertex, project=project, region=asked.region, credentials=credentials
    )


def _request(
    asked: Submission, spec: dict[str, Any], output_root: str, schedule: str | None
) -> submission.Request:
    if asked.endpoint is not None:
        submission.refuse_resolvers(spec)
    return submission.Request(
        path=pathlib.Path(asked.spec),
        spec=spec,
        values=_values(spec, asked.parameters, output_root),
        cache=not asked.no_cache,
        schedule=schedule,
        service_account=asked.service_account,
    )


def _values(spec: dict[str, Any], given: Sequence[str], output_root: str) -> dict[str, Any]:
    """Returns every parameter's value."""
    defaults = {name: each.get("defaultValue") for name, each in parameters.declared(spec).items()}
    completed, remarks = encoder_choice.complete(given, defaults)
    for remark in remarks:
        print(remark)
    values = parameters.read_values(spec, completed, output_root)
    if given:
        preflight.require_positions_here(values["encoder"], values["sequence_length"])
    return values


@dataclasses.dataclass(frozen=True)
class Replaying:
    """What `replay` runs, and how."""

    spec: str = option(flag=_SPEC)
    output: str = option(
        factory=functools.partial(local_output, "output/replay"),
        flag=Flag(
            "--output", _RUN, "the output root", "DIR", "output/replay", convert=local_output
        ),
    )
    package: str | None = optional(
        "--package", _RUN, "folder into which this project was installed", "DIR", "as it is now"
    )
    engine: str | None = option(
        None,
        Flag(
            "--engine",
            _RUN,
            "docker or podman, to run each task in a container of its image",
            "ENGINE",
            default="none, in processes",
        ),
    )
    network: str | None = option(
        None,
        Flag(
            "--network",
            _RUN,
            "the engine's network for the containers, such as bridge or host",
            "NAME",
            default="no network",
        ),
    )
    at_once: int = option(
        1,
        Flag("--at-once", _RUN, "tasks that may run at the same time", "N", "1"),
        bounds=at_least(1),
        called="--at-once",
    )
    parameters: tuple[str, ...] = option((), _PARAMETER)

    def __post_init__(self) -> None:
        check(self)
        starters.check(self.engine, self.network, self.package)
        # Without this project in it, the tasks would run the one that is installed here.
        if self.package is not None and not pathlib.Path(self.package, "pipelines").is_dir():
            raise InputError(
                f"This project is not installed in {self.package}",
                f"Install it there with `pip install --no-deps --target {self.package} .`",
            )


def _declare_replay(add: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add(
        help="run that file on this machine, with the very commands of its containers",
        usage="python kubeflow_runner.py replay SPEC --output DIR [options]",
        description="Runs a compiled pipeline on this machine, task by task, with the commands\n"
        "of its containers.",
        epilog=_REPLAY_EPILOG,
    )
    command_line.add_flags(parser, Replaying)
    parser.set_defaults(run=lambda given: _replay(command_line.read(Replaying, given)))


def _replay(asked: Replaying) -> int:
    output = pathlib.Path(asked.output)
    spec = spec_file.read(asked.spec)
    values = _values(spec, asked.parameters, str(output))
    starter = _starter(asked, spec)
    try:
        with run_log.capture(str(output / "run.log")) as terminal:
            run = replay.Replay(spec, values, output / "replay", starter)
            with interruption.stop_at_once(functools.partial(_stop, run, terminal)):
                run.run(asked.at_once, functools.partial(_say, terminal))
            report = run.uri(COMPARISON_REPORT, "report") or "none"
            print(f"pushed          {_pushed(run)}\nreport          {report}", file=terminal)
    except replay.TaskError as error:
        exit_status.complain(error)
        return 1
    return 0


def _starter(asked: Replaying, spec: dict[str, Any]) -> starters.Starter:
    if asked.engine is None:
        return starters.Processes(asked.package)
    starters.require_images(asked.engine, spec_file.images(spec))
    return starters.Containers(asked.engine, asked.output, asked.network or "none")


def _stop(run: replay.Replay, terminal: TextIO) -> None:
    run.stop()
    print("stopped. The same command starts from the beginning.", file=terminal, flush=True)


def _say(terminal: TextIO, title: str, done: replay.Done | None) -> None:
    print(f"{title:<30}{done or 'running'}", file=terminal, flush=True)


def _pushed(run: replay.Replay) -> str:
    """Returns where this run pushed its model, by what its Pusher says."""
    metadata = run.metadata(PUSHER, "pushed_model")
    return metadata[PUSHED_DESTINATION] if metadata.get(PUSHED) else "nothing"


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


_COMMANDS = {"compile": _declare_compile, "replay": _declare_replay, "submit": _declare_submit}
