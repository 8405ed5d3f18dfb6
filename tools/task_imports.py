"""Measures what each task of a compiled pipeline imports before it does anything.

    python tools/task_imports.py pipeline.yaml

prints the processor seconds and the memory of a process that imports what the task's container
does, once by TFX's own entry point and once by ours.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

_PROJECT = Path(__file__).parent.parent
_PATH = "--executor_class_path"
_IMPORT = """
import importlib, sys
from pipelines import container_entry_point
from pipelines.container import usage
path, ours = sys.argv[1:]
if ours == "ours":
    container_entry_point.defer_imports(["--executor_class_path", path])
importlib.import_module(container_entry_point.TFX_ENTRY_POINT)
module, _, name = path.rpartition(".")
getattr(importlib.import_module(module), name)
used = usage.own_usage()
print(used.processor_seconds, used.memory)
"""


def executors(spec: str) -> Iterator[str]:
    """Yields the path of each executor of a compiled pipeline, once."""
    content = yaml.safe_load(Path(spec).read_text(encoding="utf-8"))
    seen = set()
    for executor in content["deploymentSpec"]["executors"].values():
        arguments = executor.get("container", {}).get("args", [])
        if _PATH in arguments and (path := arguments[arguments.index(_PATH) + 1]) not in seen:
            seen.add(path)
            yield path


def measure(executor: str, entry_point: str) -> tuple[float, float]:
    """Returns the processor seconds and the MiB of a process that imports an executor."""
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "PYTHONPATH": str(_PROJECT)}
    answer = subprocess.run(
        [sys.executable, "-c", _IMPORT, executor, entry_point],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, memory = map(float, answer.stdout.split()[-2:])
    return seconds, memory


def main(spec: str) -> None:
    """Prints a table."""
    print(f"{'executor':<58}{'TFX':>7}{'':>10}{'ours':>9}")
    for path in executors(spec):
        before, after = (measure(path, name) for name in ("tfx", "ours"))
        cells = [f"{seconds:5.1f} s{memory:7,.0f} MiB" for seconds, memory in (before, after)]
        print(f"{path:<58}{'  '.join(cells)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
