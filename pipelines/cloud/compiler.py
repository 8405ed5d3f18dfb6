"""Compiles the pipeline into one spec for Kubeflow Pipelines 2 and Vertex AI Pipelines."""

import fnmatch
import re
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from tfx import v1 as tfx
from tfx.v1.orchestration.experimental import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

from albert_tfx.data import schema, tfds_source
from albert_tfx.evaluation import metrics
from albert_tfx.options import AnswerOptions, DatasetOptions, ReportOptions, SelectionPolicy
from albert_tfx.release.production import PIPELINE
from pipelines.cloud import parameters
from pipelines.cloud import spec as spec_file
from pipelines.cloud.resources import Resources
from pipelines.config import CustomJob, PipelineConfig, build_config
from pipelines.pipeline import create_pipeline
from pipelines.request import Request

ENTRY_POINT = ("python", "-m", "pipelines.container_entry_point")


def compile_request(
    request: Request,
    image: str,
    resources: Sequence[tuple[str, Resources]],
    custom_job: CustomJob | None = None,
    beam_args: Sequence[str] = (),
) -> dict[str, Any]:
    """Returns the pipeline spec of the run that was asked for; see `compile_pipeline`.

    Args:
      request: What was asked. Its `output` is not looked at: the output root is set at submission.
      image: Container image with this project in it.
      resources: What the tasks need; see `compile_pipeline`.
      custom_job: Where the Trainers train, or None for their own containers.
      beam_args: Flags for the Beam runner, beside those that were asked for.

    Raises:
      InputError: The request names something that is on this machine only, or does not fit the
        classes.
    """
    request.refuse_local_paths()
    with tempfile.TemporaryDirectory() as output:
        dataset = request.of(DatasetOptions)
        names = tfds_source.class_names(dataset)
        schema.display_order(names, request.of(ReportOptions).class_order)
        metrics.deciding(request.of(SelectionPolicy).metric, names)
        request.of(AnswerOptions).require_fit(names)
        if dataset.data_dir is None:
            dataset = request.of(DatasetOptions, data_dir=f"{output}/datasets")
        config = build_config(
            request,
            dataset=dataset,
            schema=str(schema.write(schema.for_classes(names), f"{output}/schema")),
            output=output,
            custom_job=custom_job,
            beam_args=beam_args,
        )
        return compile_pipeline(config, image, resources)


def compile_pipeline(
    config: PipelineConfig, image: str, resources: Sequence[tuple[str, Resources]]
) -> dict[str, Any]:
    """Returns the pipeline spec, as the JSON form of `ml_pipelines.PipelineSpec`.

    Args:
      config: The run. Whatever lies below its `output` will lie below the output root, which is set
        at submission.
      image: Container image with this project in it.
      resources: For each pattern of TFX node ids what a task of that id needs; of several that
        match, the last counts.
    """
    spec = _compile(config, image)
    parameters.make_settable(spec, config.output)
    _set_resources(spec, resources)
    _look_up_own_pushes(spec)
    return _with_legal_names(spec)


def _compile(config: PipelineConfig, image: str) -> dict[str, Any]:
    runner_config = KubeflowV2DagRunnerConfig(
        default_image=image,
        default_commands=list(ENTRY_POINT),
        use_pipeline_spec_2_1=True,  # the only one that Kubeflow takes
    )
    # Of TFX's ways to find what earlier runs made, the backends know two; this one does here.
    pipeline = create_pipeline(config, tfx.dsl.experimental.LatestArtifactStrategy)
    job = KubeflowV2DagRunner(runner_config).run(pipeline, write_out=False)
    spec: dict[str, Any] = job["pipelineSpec"]
    return spec


def _look_up_own_pushes(spec: dict[str, Any]) -> None:
    """Lets the resolvers find no model that another pipeline has pushed.

    A project's pipelines share one metadata store, and TFX's compiler asks it for a type alone. The
    filter's syntax is that of https://cloud.google.com/vertex-ai/docs/ml-metadata/analyzing.
    """
    own = f' AND metadata.{PIPELINE}.string_value="{spec["pipelineInfo"]["name"]}"'
    for executor in spec["deploymentSpec"]["executors"].values():
        for query in executor.get("resolver", {}).get("outputArtifactQueries", {}).values():
            if tfx.types.standard_artifacts.PushedModel.TYPE_NAME in query["filter"]:
                query["filter"] += own


def without_resolvers(spec: dict[str, Any]) -> dict[str, Any]:
    """Leaves out the tasks that look up what earlier runs made, which Kubeflow cannot do.

    Args:
      spec: A pipeline spec, changed in place. The tasks that would be handed what was looked up get
        nothing, as in a first run.
    """
    tasks, components = spec["root"]["dag"]["tasks"], spec["components"]
    executors = spec["deploymentSpec"]["executors"]
    for name in [
        name for name, task in spec_file.tasks(spec).items() if "resolver" in task.executor
    ]:
        component = components.pop(tasks.pop(name)["componentRef"]["name"])
        del executors[component["executorLabel"]]
    for task in tasks.values():
        task["dependentTasks"] = [name for name in task.get("dependentTasks", []) if name in tasks]
        _drop_inputs(task, components[task["componentRef"]["name"]], set(tasks))
    return spec


def _drop_inputs(task: dict[str, Any], component: dict[str, Any], producers: set[str]) -> None:
    inputs = task.get("inputs", {}).get("artifacts", {})
    for key in list(inputs):
        if inputs[key]["taskOutputArtifact"]["producerTask"] not in producers:
            del inputs[key], component["inputDefinitions"]["artifacts"][key]


def _set_resources(spec: dict[str, Any], resources: Sequence[tuple[str, Resources]]) -> None:
    executors = spec["deploymentSpec"]["executors"]
    for task in spec["root"]["dag"]["tasks"].values():
        component = spec["components"][task["componentRef"]["name"]]
        executor = executors[component["executorLabel"]]
        for pattern, needed in resources:
            if "container" in executor and fnmatch.fnmatchcase(task["taskInfo"]["name"], pattern):
                executor["container"]["resources"] = needed.to_spec()


def _with_legal_names(spec: dict[str, Any]) -> dict[str, Any]:
    """Names tasks, components and executors as Kubeflow's own compiler does.

    TFX names them by node ids such as `Trainer.frozen`, and Argo, on which Kubeflow runs, takes no
    dots. The id stays each task's name for the reader.
    """
    dag = spec["root"]["dag"]
    for task in dag["tasks"].values():
        task["componentRef"]["name"] = _legal("comp", task["componentRef"]["name"])
        if "dependentTasks" in task:
            task["dependentTasks"] = sorted(map(_legal_task, task["dependentTasks"]))
        for artifact in task.get("inputs", {}).get("artifacts", {}).values():
            producer = artifact["taskOutputArtifact"]
            producer["producerTask"] = _legal_task(producer["producerTask"])
    dag["tasks"] = _renamed(dag["tasks"], _legal_task)
    for component in spec["components"].values():
        component["executorLabel"] = _legal("exec", component["executorLabel"])
    spec["components"] = _renamed(spec["components"], lambda name: _legal("comp", name))
    deployment = spec["deploymentSpec"]
    deployment["executors"] = _renamed(deployment["executors"], lambda label: _legal("exec", label))
    return spec


def _renamed(mapping: dict[str, Any], rename: Callable[[str], str]) -> dict[str, Any]:
    renamed = {rename(name): value for name, value in mapping.items()}
    if len(renamed) < len(mapping):
        raise ValueError(f"two of {', '.join(sorted(mapping))} would have one name")
    return renamed


def _legal(prefix: str, name: str) -> str:
    return f"{prefix}-{_legal_task(name.removesuffix('_executor'))}"


def _legal_task(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())
