"""A run on this machine: checked, followed on a quiet terminal, and its results published."""

import logging
import os
import pathlib
import shutil
import sys
from typing import TYPE_CHECKING

from albert_tfx.contract import BULK_INFERRER, COMPARISON_REPORT
from albert_tfx.options import TextsToScore
from pipelines import encoder_choice
from pipelines.config import PipelineConfig
from pipelines.container import deferred_imports
from pipelines.request import Request
from pipelines.request import remember as remember_options

if TYPE_CHECKING:
    from albert_tfx.report.summary import Summary
    from pipelines.local.console import Screen

# Whatever takes longer to import is imported where it is needed, so that --help and a misspelt
# option are answered at once.

# What TFX and TensorFlow Model Analysis import, and no run on this machine uses.
_UNUSED = (
    "google.cloud.bigquery",
    "tensorflow_model_analysis.metrics.rouge",
    "tfx.v1.extensions",
)


def run(request: Request) -> Exception | None:
    """Trains, compares and pushes.

    Returns:
      What to tell the user where that failed, else None. An `InputError` is the user's to mend.

    Raises:
      InputError: The encoder cannot be had, the output folder cannot be written, or another run is
        writing to it.
    """
    from pipelines.local import preflight

    preflight.require_files(request)
    request = encoder_choice.settle(request)
    from pipelines.local import run_log, surroundings
    from pipelines.local.component_states import explain
    from pipelines.local.console import Screen
    from pipelines.local.interruption import outlive_terminal, stop_at_once

    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    # TensorFlow leaves oneDNN off where a CPU has no AVX-512; with AVX2 it saves a quarter, too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    _defer_imports()
    log = os.path.join(request.output, "run.log")
    with (
        outlive_terminal(),
        run_log.capture(log) as output,
        surroundings.of_a_run() as temporary,
    ):
        screen = Screen(output)

        def farewell() -> None:
            shutil.rmtree(temporary, ignore_errors=True)
            screen.close("stopped. The same command goes on from here.")

        with stop_at_once(farewell):
            try:
                _compare(request, screen)
            except Exception as error:
                logging.exception("The run failed")
                return explain(error, log)
    return None


def _defer_imports() -> None:
    if "tfx" not in sys.modules:  # as it is in a process that has run before
        deferred_imports.leave_out("keras_tuner")
        deferred_imports.defer(_UNUSED)


def _compare(request: Request, screen: "Screen") -> None:
    for remark in request.remarks:
        screen.say(remark)
    with screen.busy("checking the texts and the encoder"):
        from pipelines.local import preflight

        prepared = preflight.prepare(request)
    config = prepared.config
    screen.say(str(prepared))
    if request.only_check:
        for line in preflight.survey(prepared):
            screen.say(line)
        return
    remember_options(request)
    with screen.busy("starting TFX"):
        from tfx.orchestration.local.local_dag_runner import LocalDagRunner

        from albert_tfx.resources import memory
        from pipelines.confinement import servers, workers
        from pipelines.local.component_states import after_each
        from pipelines.local.reconciliation import reconcile, remember
        from pipelines.pipeline import create_pipeline
        from pipelines.runs import seconds_taken

        servers.listen_on_loopback()
        servers.open_no_watcher()
        workers.fail_with_workers()
        found = reconcile(config)
        pipeline = create_pipeline(config)
    for sentence in found:
        screen.say(sentence)
    components = [component.id for component in pipeline.components]
    with screen.follow(components, seconds_taken(config.metadata, config.name, components)):
        try:
            # The C library keeps what Beam needed, in pieces that the next component does not fit
            # into: the peak of many texts would be the sum of what the components need.
            with after_each(memory.trim):
                LocalDagRunner().run(pipeline)  # type: ignore[no-untyped-call]
        finally:
            remember(config)
    screen.conclude(_publish_report(config), config.output, request.remarks)
    if config.scoring:
        screen.say(f"{'scored':<12}{_publish_predictions(config, config.scoring)}")


def _publish_report(config: PipelineConfig) -> "Summary":
    from albert_tfx.report.summary import Summary
    from albert_tfx.storage import copy_whole
    from pipelines import runs

    folder = pathlib.Path(config.report)
    copy_whole(runs.output_uri(config.metadata, config.name, COMPARISON_REPORT), folder)
    return Summary.load(folder)


def _publish_predictions(config: PipelineConfig, texts: TextsToScore) -> str:
    """Writes the scored texts where people look; returns what to say of it."""
    from albert_tfx.prediction import scoring
    from pipelines import runs

    scored = runs.output_uri(config.metadata, config.name, BULK_INFERRER)
    target = scoring.target(pathlib.Path(config.predictions), texts)
    count = scoring.publish(texts, scored, target)
    if not count:
        return "nothing, as no model was good enough"
    return f"{count:,} texts, in {os.path.relpath(target)}"
