"""Two components of milliseconds, the second of which behaves as it is told."""

import ctypes
import os
import pathlib
import signal

import apache_beam as beam
from tfx.types.standard_artifacts import ModelEvaluation, String
from tfx.v1.dsl.components import InputArtifact, OutputArtifact, Parameter, component

from albert_tfx import progress
from albert_tfx.errors import InputError
from albert_tfx.report.summary import to_record
from albert_tfx.storage import to_json
from tests.support.summaries import SUMMARY


@component
def Reviews(reviews: OutputArtifact[String]):  # noqa: N802
    pathlib.Path(reviews.uri).write_text("wonderful")


@component
def ComparisonReport(  # noqa: N802
    reviews: InputArtifact[String],
    report: OutputArtifact[ModelEvaluation],
    behaviour: Parameter[str],
):
    summary = pathlib.Path(report.uri, "summary.json")
    summary.write_text("half a ")
    _BEHAVIOURS[behaviour]()
    summary.write_text(to_json(to_record(SUMMARY)))


def _work():
    for step in range(1, 1001):
        progress.report(progress.Progress("ComparisonReport", step, 1000, "steps", "loss 0.5"))


def _fail():
    raise ValueError("first line\nit is broken")


def _refuse():
    raise InputError("the reviews are empty", "Give some")


def _refuse_in_beam():
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        _ = pipeline | beam.Create([1]) | beam.Map(lambda _: _refuse())


def _lose_terminal():
    os.kill(os.getpid(), signal.SIGHUP)
    _work()


def _wait_in_c():
    """Locks a mutex twice: a wait that no signal handler of Python gets a word in."""
    libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(128)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)


_BEHAVIOURS = {
    "works": _work,
    "fails": _fail,
    "refuses": _refuse,
    "refuses in Beam": _refuse_in_beam,
    "loses its terminal": _lose_terminal,
    "waits": _wait_in_c,
}
