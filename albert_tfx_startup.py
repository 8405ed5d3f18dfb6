"""What Python does at its start in an environment of this project.

A line in a `.pth` file of site-packages calls `start` in every process, whoever starts it: a
runner, a notebook's kernel, a worker of Beam. `python albert_tfx_startup.py FOLDER` writes both
files. The module binds nothing of the project. Where a run has started the process, it ends with
the run: Beam's workers would wait for it for more than a minute, on ports that they listen to. And
it adds two finders, for modules that are nowhere else:

- The project is not installed into the environment, so that an environment never decides whose
  code runs. A process takes it from the checkout that its script lies in; where that is none, from
  the one around the working directory; else from the one that holds the environment. All its
  modules come from the same one. (The container image has the project installed, and no checkout.)
- tensorflow-data-validation 1.16 imports `tfx_bsl.arrow.sql_util`, which tfx-bsl 1.21 dropped with
  its SQL engine. `import tfx` puts a stand-in there, but a worker process of Beam unpickles
  StatisticsGen's functions, and with them tensorflow-data-validation, before anything imports TFX:
  `ImportError: cannot import name 'sql_util'`. Nothing that is handed to the worker is early
  enough. This finder can go together with the pin of tensorflow-data-validation.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder

_PTH = "import albert_tfx_startup; albert_tfx_startup.start()\n"
_PROJECT = 'name = "albert-tfx"\n'
_MISSING = "tfx_bsl.arrow.sql_util"
_RUN = "ALBERT_TFX_RUN"  # the number of the process with which this one is to end
_ENDED = 143  # as of a process that SIGTERM ended


class CheckoutFinder:
    """Finds in the checkout of the process the top-level modules that Python's path does not have.

    A folder without `__init__.py` that lies on the path, as `tests/components` does beside a
    script in `tests`, would pass for a package of that name. So this finder precedes the path's.
    """

    def __init__(self) -> None:
        self._checkout: str | None = None

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> ModuleSpec | None:
        """Returns where a top-level module is."""
        if path is not None:
            return None
        found = PathFinder.find_spec(fullname, None, target)  # type: ignore[arg-type]
        if found is not None and found.loader is not None:
            return found
        return self._find_in_checkout(fullname)

    def _find_in_checkout(self, fullname: str) -> ModuleSpec | None:
        checkout = self._checkout or _checkout()
        found = None if checkout is None else PathFinder.find_spec(fullname, [checkout])
        if found is None or found.loader is None:
            return None
        self._checkout = checkout
        return found


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
    """Replaces the class of that name; nothing here slices by SQL."""

    def __init__(self, *_: object) -> None:
        raise NotImplementedError("tfx-bsl has no SQL engine: slice by feature keys instead.")


def start() -> None:
    """Adds the finders to those that Python asks, and waits for the end of the run, once."""
    if not any(type(finder) is CheckoutFinder for finder in sys.meta_path):
        sys.meta_path.insert(sys.meta_path.index(PathFinder), CheckoutFinder())
        sys.meta_path.append(SqlUtilFinder())
        if run := os.environ.get(_RUN):
            _end_with(int(run))


def _end_with(run: int) -> None:
    """Ends this process as soon as another one has ended, by whatever signal.

    Without a thread where the kernel offers no descriptor of a process, as before Linux 5.3.
    """
    import threading

    try:
        handle = os.pidfd_open(run)
    except ProcessLookupError:
        os._exit(_ENDED)
    except OSError:
        return
    threading.Thread(target=_await_end, args=(handle,), daemon=True).start()


def _await_end(handle: int) -> None:
    import select

    select.select([handle], [], [])  # until it can be read, which is once the process has ended
    os._exit(_ENDED)


def write(folder: str) -> None:
    """Puts this module and the line that calls it into a folder of packages."""
    name = os.path.join(folder, "albert_tfx_startup")
    with open(__file__) as source, open(f"{name}.py", "w") as module:
        module.write(source.read())
    with open(f"{name}.pth", "w") as line:
        line.write(_PTH)


def _checkout() -> str | None:
    """Returns the folder of the checkout whose code this process is to run."""
    from pathlib import Path  # not needed, and not paid for, where nothing is looked for

    environment = Path(sys.prefix)
    try:
        working = Path.cwd()
    except FileNotFoundError:
        working = environment
    script = working / sys.path[0]
    if script.is_relative_to(environment):
        script = working  # of a command that is installed, such as pytest
    for start in (script, working, environment):
        for folder in (start, *start.parents):
            try:
                text = (folder / "pyproject.toml").read_text(encoding="utf-8")
            except OSError:
                continue
            if _PROJECT in text:
                return str(folder)
    return None


if __name__ == "__main__":
    write(*sys.argv[1:])
