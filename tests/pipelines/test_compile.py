"""The same graph compiles for Kubeflow and Vertex AI."""

import importlib
import json
from pathlib import Path

import pytest
import tiny_run
from tfx import v1 as tfx
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
    KubeflowV2DagRunner,
    KubeflowV2DagRunnerConfig,
)

from pipelines.pipeline import create_pipeline

pytestmark = pytest.mark.slow


def test_every_component_compiles_and_names_code_that_imports(tmp_path: Path):
    output = tmp_path / "pipeline.json"
    runner = KubeflowV2DagRunner(
        KubeflowV2DagRunnerConfig(default_image="image"), output_filename=str(output)
    )
    config = tiny_run.make_config(tmp_path)
    runner.run(create_pipeline(config, tfx.dsl.experimental.LatestArtifactStrategy))
    spec = json.loads(output.read_text())["pipelineSpec"]
    tasks = spec["root"]["dag"]["tasks"]
    assert len(tasks) == 17
    executors = spec["deploymentSpec"]["executors"]
    resolver = executors["Resolver.production_executor"]["resolver"]
    query = resolver["outputArtifactQueries"]["pushed_model"]["filter"]
    assert query == 'schema_title="tfx.PushedModel" AND state=LIVE'
    commands = [
        e["container"]["command"] + e["container"].get("args", [])
        for e in executors.values()
        if "container" in e
    ]
    classes = [
        c[c.index("--executor_class_path") + 1] for c in commands if "--executor_class_path" in c
    ]
    assert len(classes) >= 10
    for path in classes:
        module, name = path.rsplit(".", 1)
        assert hasattr(importlib.import_module(module), name)
