"""Which flags of Beam a run takes: none by which something listens beyond this process."""

import argparse
from collections.abc import Sequence

from albert_tfx.errors import InputError
from pipelines.presets import IN_PROCESS

# By their names as Beam knows them: in any case, with or without `Runner`, with or without module.
_OF_THIS_PROCESS = "fnapi"
_ELSEWHERE = ("dataflow", "testdataflow")
_OF_A_CLUSTER = ("flink", "kafkastreams", "portable", "spark")
_LOOPBACK = "LOOPBACK"
_EMBEDDED = "embed"
_LOOPBACK_PROCESS = "use_loopback_process_worker"


def with_runner(beam_args: tuple[str, ...]) -> tuple[str, ...]:
    """Returns flags for Beam in this process, where `beam_args` name no runner of their own."""
    return (*IN_PROCESS, *beam_args) if _read(beam_args).runner is None else beam_args


def refuse_open(beam_args: Sequence[str]) -> None:
    """Refuses flags by which Beam starts servers that this process cannot keep to itself.

    Prism, which DirectRunner prefers where it can be had, and the job servers of Flink and Spark
    are programs of their own that take connections on every interface, from anyone, and run what
    they are sent.

    Raises:
      InputError: There is such a flag.
    """
    given = _read(beam_args)
    runner = _OF_THIS_PROCESS if given.runner is None else _short(given.runner)
    if runner in _OF_A_CLUSTER and given.job_endpoint in (None, "", _EMBEDDED):
        raise InputError(
            f"--beam-arg=--runner={given.runner} without a cluster starts a server on this "
            "machine, which takes connections from anyone",
            "Name a cluster with --beam-arg=--job_endpoint=HOST:PORT, or leave --runner out, for "
            "Beam in this process",
        )
    if runner not in (_OF_THIS_PROCESS, *_ELSEWHERE, *_OF_A_CLUSTER):
        raise InputError(
            f"--beam-arg=--runner={given.runner} is no runner for this pipeline: it may start a "
            "server that takes connections from anyone",
            "Leave it out, for Beam in this process (--beam-arg=--direct_num_workers=2 with "
            "--beam-arg=--direct_running_mode=multi_processing for several processes), or give "
            "DataflowRunner, or FlinkRunner with --beam-arg=--job_endpoint=HOST:PORT",
        )
    if (
        given.environment_type or ""
    ).upper() == _LOOPBACK or _LOOPBACK_PROCESS in given.experiments:
        raise InputError(
            "--beam-arg=--environment_type=LOOPBACK lets a cluster run its work on this machine, "
            "through a server that takes connections from anyone",
            "Give DOCKER, PROCESS or EXTERNAL, of the cluster",
        )


def _read(beam_args: Sequence[str]) -> argparse.Namespace:
    """Reads the flags as Beam does: `--flag=value` or two arguments; the last one counts."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, exit_on_error=False)
    for name in ("--runner", "--job_endpoint", "--environment_type"):
        parser.add_argument(name, nargs="?", const="")
    for name in ("--experiment", "--experiments"):
        parser.add_argument(name, dest="experiments", nargs="?", action="append", default=[])
    given, _ = parser.parse_known_args(list(beam_args))
    given.experiments = ",".join(filter(None, given.experiments))
    return given


def _short(runner: str) -> str:
    """Returns a runner's name without module and `Runner`.

    >>> _short("apache_beam.runners.portability.fn_api_runner.FnApiRunner")
    'fnapi'
    """
    return runner.rpartition(".")[2].lower().removesuffix("runner")
