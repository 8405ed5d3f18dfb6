"""The local runner, with a pipeline of two nodes that take milliseconds.

python -m tests.support.runner BEHAVIOUR OPTION...
"""

import functools
import sys
import types

import local_runner
from albert_tfx.options import DatasetOptions
from pipelines.config import build_config
from pipelines.local import preflight
from tests.support.summaries import ENCODER


def stand_ins(behaviour):
    """Returns what to put in place of the real modules, by their names."""
    return {
        "pipelines.pipeline": types.SimpleNamespace(
            create_pipeline=functools.partial(_create_pipeline, behaviour)
        ),
    }


def prepare(request):
    config = build_config(request, dataset=request.of(DatasetOptions), schema="any")
    return preflight.Prepared(
        config, ENCODER, ("negative", "positive"), {"train": 1800, "eval": 200}
    )


def _create_pipeline(behaviour, config):
    from tfx import v1 as tfx
    from tfx.orchestration.metadata import sqlite_metadata_connection_config

    from tests.support import nodes

    reviews = nodes.Reviews()
    report = nodes.ComparisonReport(reviews=reviews.outputs["reviews"], behaviour=behaviour)
    return tfx.dsl.Pipeline(
        pipeline_name=config.name,
        pipeline_root=config.pipeline_root,
        components=[reviews, report],
        enable_cache=True,
        metadata_connection_config=sqlite_metadata_connection_config(config.metadata),
    )


if __name__ == "__main__":
    preflight.prepare = prepare
    sys.modules.update(stand_ins(sys.argv[1]))
    sys.exit(local_runner.main(sys.argv[2:]))
