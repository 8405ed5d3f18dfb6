"""Compares a frozen with a fine-tuned text encoder on this machine, and exports the better one.

`python local_runner.py --help` explains the options.
"""

import argparse
import contextlib
import dataclasses
import json
import logging
import os
import pathlib
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from albert_tfx.errors import InputError
from albert_tfx.options import TextsToScore
from pipelines import command_line
from pipelines.config import PipelineConfig, build_config

if TYPE_CHECKING:
    from pipelines.local.console import Screen

# Whatever takes longer to import is imported where it is needed, so that --help and a misspelt
# option are answered at once.

_EPILOG = """\
examples:
  python local_runner.py
      the sample reviews and the small ALBERT, offline
  python local_runner.py --csv reviews.csv --label-column stars --output output/mine
      your own reviews, with the small ALBERT; each data set needs an output folder of its own
  python local_runner.py --preset imdb --max-examples 2000 --output output/imdb
      a first look at IMDB with ALBERT-base; without --max-examples, the real thing
  python local_runner.py --dataset glue/sst2 --text-feature sentence --test-split validation \\
      --encoder models/my_albert --preprocessor models/my_preprocess --min-gain 0.01 --output sst2
      any TFDS data set, your own encoder; fine-tuning must gain more than a point to win
  python local_runner.py --score new_reviews.csv
      classifies those texts with the winner, into output/predictions/new_reviews.csv

What has finished is kept: the same command again goes on from there, and a changed option
repeats only what depends on it. Exit status: 0 done, also where no model was good enough to be
pushed; 1 a component failed; 2 the input cannot be used; 130 stopped by Ctrl-C.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the pipeline that `argv` asks for.

    Args:
      argv: The options; the process's own if None.

    Returns:
      The exit status.
    """
    try:
        given = sys.argv[1:] if argv is None else argv
        arguments = _parser().parse_args(given)
        command = shlex.join(["python", "local_runner.py", *given])
        config = dataclasses.replace(build_config(arguments), command=command)
        error = _run(config, arguments)
    except InputError as bad_input:
        error = bad_input
    if error is None:
        return 0
    with contextlib.suppress(BrokenPipeError):  # the exit status says it, too
        print(f"error: {error}", file=sys.stderr)
    return 2 if isinstance(error, InputError) else 1


def _parser() -> command_line.Parser:
    parser = command_line.Parser(
        prog="local_runner.py",
        usage="python local_runner.py [options]",
        description="Is fine-tuning ALBERT worth it on your text? Trains a frozen and a fine-tuned "
        "model, compares\nthem with a confidence interval, and exports the better one.",
        epilog=_EPILOG,
    )
    command_line.add_options(parser)
    return parser


def _run(config: PipelineConfig, arguments: argparse.Namespace) -> Exception | None:
    """Runs with a quiet terminal; returns what to tell the user where that failed."""
    from pipelines.local import run_log
    from pipelines.local.console import Screen
    from pipelines.local.failure import explain
    from pipelines.local.interruption import stop_at_once

    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    # TensorFlow leaves oneDNN off where a CPU has no AVX-512; with AVX2 it saves a quarter, too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    log = os.path.join(config.output, "run.log")
    with run_log.capture(log) as output:
        screen = Screen(output)
        with stop_at_once(lambda: screen.close("stopped. The same command goes on from here.")):
            try:
                _compare(config, arguments, screen)
            except Exception as error:
                logging.exception("The run failed")
                return explain(error, log)
    return None


def _compare(config: PipelineConfig, arguments: argparse.Namespace, screen: "Screen") -> None:
    with screen.busy("checking the reviews and the encoder"):
        from pipelines.local import preflight

        prepared = preflight.prepare(config, arguments)
    screen.say(str(prepared))
    with screen.busy("starting TFX"):
        from tfx.orchestration.local.local_dag_runner import LocalDagRunner

        from pipelines.lost_pushes import forget_lost_pushes
        from pipelines.pipeline import create_pipeline

        forget_lost_pushes(prepared.config)
        pipeline = create_pipeline(prepared.config)
    with screen.follow([component.id for component in pipeline.components]):
        LocalDagRunner().run(pipeline)
    screen.conclude(_publish_report(config), config.output)
    if texts := prepared.config.scoring:
        screen.say(f"{'scored':<12}{_publish_predictions(prepared.config, texts)}")


def _publish_report(config: PipelineConfig) -> dict[str, object]:
    from components.comparison_report import publish
    from pipelines import outcome

    folder = os.path.join(config.output, "report")
    report = outcome.output_uri(config.metadata, config.name, "ComparisonReport")
    publish(report, folder)
    return json.loads(pathlib.Path(folder, "summary.json").read_text(encoding="utf-8"))


def _publish_predictions(config: PipelineConfig, texts: TextsToScore) -> str:
    """Writes the scored texts where people look; returns what to say of it."""
    from albert_tfx.prediction import scoring
    from pipelines import outcome

    scored = outcome.output_uri(config.metadata, config.name, "BulkInferrer")
    target = pathlib.Path(config.predictions, f"{texts.name}.csv")
    count = scoring.publish(texts, scored, target)
    if not count:
        return "nothing, as no model was good enough"
    return f"{count:,} texts, in {os.path.relpath(target)}"


if __name__ == "__main__":
    sys.exit(main())
