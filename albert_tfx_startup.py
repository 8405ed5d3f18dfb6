"""What Python does at its start in an environment of this project.

A line in a `.pth` file of site-packages calls `start` in every process, whoever starts it: a runner,
a notebook's kernel, a worker of Beam. `python albert_tfx_startup.py FOLDER` writes both files there.
This module binds nothing of the project. It appends two finders, which are asked only for modules
that all others missed:

- The project's code is not installed beside its packages, so that an environment never decides whose
  code runs. A process takes it from the checkout that its script lies in; if that is none, from the
  one around the working directory; else from the one that holds the environment. What another
  module of the project was imported from, stays. (The container image has the code installed, and
  no checkout.)
- tensorflow-data-validation 1.16 imports `tfx_bsl.arrow.sql_util`, which tfx-bsl 1.21 dropped with
  its SQL engine. `import tfx` puts a stand-in there, but a worker process of Beam unpickles
  StatisticsGen's functions, and with them tensorflow-data-validation, before anything imports TFX:
  `ImportError: cannot import name 'sql_util'`. Nothing that is handed to the worker is early enough.
  This finder can go together with the pin of tensorflow-data-validation.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder

_PTH = "import albert_tfx_startup; albert_tfx_startup.start()\n"
_PROJECT = 'name = "albert-tfx"\n'
_MISSING = "tfx_bsl.arrow.sql_util"


class CheckoutFinder:
    """Finds top-level modules in the checkout of the process."""

    def __init__(self) -> None:
        self._checkout: str | None = None

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> ModuleSpec | None:
        """Returns where a module is that no other finder found, if it is in the checkout."""
        del target
        checkout = self._checkout or _checkout()
        if path is not None or checkout is None:
            return None
        spec = PathFinder.find_spec(fullname, [checkout])
        if spec is None or spec.loader is None:  # without a loader, a folder that is no package
            return None
        self._checkout = checkout
        return spec


class SqlUtilFinder:
    """Finds the module that tfx-bsl dropped, and loads it."""

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> ModuleSpec | None:
        """Returns the stand-in where tfx-bsl has no such module of its own."""
        del path, target
        return ModuleSpec(fullname, self) if fullname == _MISSING else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Leaves it to Python to make an empty module."""

    def exec_module(self, module: object) -> None:
        """Puts the one class that is asked for into the module."""
        module.RecordBatchSQLSliceQuery = RecordBatchSQLSliceQuery  # type: ignore[attr-defined]


class RecordBatchSQLSliceQuery:
    """Stands where the class of that name was; nothing here slices by SQL."""

    def __init__(self, *_: object) -> None:
        raise NotImplementedError("tfx-bsl has no SQL engine: slice by feature keys instead.")


def start() -> None:
    """Appends the finders to those that Python asks, once."""
    for finder in (SqlUtilFinder, CheckoutFinder):
        if not any(type(each) is finder for each in sys.meta_path):
            sys.meta_path.append(finder())


def write(folder: str) -> None:
    """Puts this module, and the line that calls it, into a folder that Python reads at its start."""
    name = os.path.join(folder, "albert_tfx_startup")
    with open(__file__) as source, open(f"{name}.py", "w") as module:
        module.write(source.read())
    with open(f"{name}.pth", "w") as line:
        line.write(_PTH)


def _checkout() -> str | None:
    """Returns the folder of the checkout whose code this process is to run."""
    script = os.path.abspath(sys.path[0]) if sys.path else ""
    prefix = os.path.abspath(sys.prefix)
    if os.path.commonpath([script or "/", prefix]) == prefix:
        script = ""  # a command of the environment, such as pytest
    for folder in (script, _working_directory(), prefix):
        while folder and not _is_checkout(folder):
            parent = os.path.dirname(folder)
            folder = parent if parent != folder else ""
        if folder:
            return folder
    return None


def _working_directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def _is_checkout(folder: str) -> bool:
    try:
        with open(os.path.join(folder, "pyproject.toml"), encoding="utf-8") as file:
            return _PROJECT in file.read()
    except OSError:
        return False


if __name__ == "__main__":
    write(*sys.argv[1:])
