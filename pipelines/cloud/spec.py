"""The compiled pipeline: its file, and its tasks."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import yaml

from albert_tfx import storage
from albert_tfx.data.files import content
from albert_tfx.errors import InputError, first_line
from pipelines.cloud import parameters


@dataclasses.dataclass(frozen=True)
class Task:
    """One task of the spec, with what it needs from elsewhere in it.

    Attributes:
      name: Its name in the spec.
      title: Its TFX node id.
      spec: Its `PipelineTaskSpec`.
      component: Its `ComponentSpec`.
      executor: Its `ExecutorSpec`.
    """

    name: str
    title: str
    spec: dict[str, Any]
    component: dict[str, Any]
    executor: dict[str, Any]

    def upstream(self) -> set[str]:
        """Returns the names of the tasks that must be done before this one."""
        inputs = self.spec.get("inputs", {})
        producers = [
            artifact["taskOutputArtifact"]["producerTask"]
            for artifact in inputs.get("artifacts", {}).values()
        ]
        return {*self.spec.get("dependentTasks", []), *producers}


def tasks(spec: dict[str, Any]) -> dict[str, Task]:
    """Returns the tasks of a spec by name."""
    found = {}
    for name, task in spec["root"]["dag"]["tasks"].items():
        component = spec["components"][task["componentRef"]["name"]]
        executor = spec["deploymentSpec"]["executors"][component["executorLabel"]]
        found[name] = Task(name, task["taskInfo"]["name"], task, component, executor)
    return found


def images(spec: dict[str, Any]) -> list[str]:
    """Returns the container images that a spec names, each once."""
    executors = [task.executor for task in tasks(spec).values()]
    return sorted({each["container"]["image"] for each in executors if "container" in each})


def require_place(path: str | os.PathLike[str]) -> None:
    """Refuses where `write` could not write.

    Raises:
      InputError: It is a folder, or in a folder that is not there.
    """
    path = Path(path)
    if path.is_dir():
        raise _unwritable(path, "it is a folder")
    if not path.parent.is_dir():
        raise _unwritable(path, f"there is no folder {path.parent}")


def write(spec: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Writes a spec as YAML, the same bytes for the same spec.

    Raises:
      InputError: The file cannot be written.
    """
    require_place(path)
    try:
        with storage.whole_file(path) as partial:
            partial.write_text(yaml.safe_dump(spec, sort_keys=True, width=100))
    except OSError as error:
        raise _unwritable(path, error.strerror) from error


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads a spec that `write` wrote.

    Raises:
      InputError: There is no such file, or it is not one of ours.
    """
    remedy = "Give a file that `kubeflow_runner.py compile` wrote"
    content.require_file(Path(path), remedy)
    try:
        spec: dict[str, Any] = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read: {first_line(error)}", remedy) from error
    try:
        parameters.declared(spec)[parameters.OUTPUT_ROOT]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} is no pipeline of this project", remedy) from error
    return spec


def _unwritable(path: str | os.PathLike[str], reason: str | None) -> InputError:
    return InputError(f"{path} cannot be written ({reason})", "Give another file with --spec FILE")
