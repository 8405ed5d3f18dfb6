"""The compiled pipeline as a file."""

import os
from pathlib import Path
from typing import Any

import yaml

from components.errors import InputError
from pipelines import parameters


def write(spec: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Writes a spec as YAML, the same bytes for the same spec."""
    partial = Path(f"{path}.{os.getpid()}")
    partial.write_text(yaml.safe_dump(spec, sort_keys=True, width=100), encoding="utf-8")
    partial.replace(path)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads a spec that `write` wrote.

    Raises:
      InputError: There is no such file, or it is not one of ours.
    """
    remedy = "Give a file that `kubeflow_runner.py compile` wrote"
    try:
        spec = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read: {_first_line(error)}", remedy) from error
    try:
        parameters.declared(spec)[parameters.OUTPUT_ROOT]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} is no pipeline of this project", remedy) from error
    return spec


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
