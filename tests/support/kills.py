"""A process that is killed at each step that it takes with files, in turn.

python -m tests.support.kills MODULE FUNCTION ARGUMENT…
"""

import functools
import importlib
import io
import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

PROJECT = Path(__file__).parents[2]
# What changes a folder or a file, by the modules that Python calls for it.
_CHANGES = {
    "posix": {"mkdir", "remove", "rename", "replace", "rmdir", "sendfile", "symlink", "unlink"},
    "tensorflow.python.lib.io._pywrap_file_io": {
        *("CopyFile", "CreateDir", "DeleteFile", "DeleteRecursively"),
        *("RecursivelyCreateDir", "RenameFile"),
    },
}
_CHANGES_OF_A_FILE = {"__exit__", "close", "truncate", "write", "writelines"}
_STANDARD_ERROR = 2


def at_each_step(function: Callable[..., object], *arguments: object) -> Iterator[int]:
    """Calls a function in processes of its own, each killed just before another step.

    Args:
      function: It must be found by its name in its module.
      arguments: It gets them as strings.

    Yields:
      The step, from 1 on, after each kill; the last call ended unharmed.
    """
    names = [function.__module__, function.__name__, *map(str, arguments)]
    command = [sys.executable, "-m", "tests.support.kills", *names]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=PROJECT, text=True, **pipes) as process:  # type: ignore[call-overload]
        for step in itertools.count(1):
            process.stdin.write(f"{step}\n")
            process.stdin.flush()
            status = int(process.stdout.readline())
            if status == 0:
                return
            assert status == -signal.SIGKILL
            yield step


def _main(module: str, function: str, *arguments: str) -> None:
    call = functools.partial(getattr(importlib.import_module(module), function), *arguments)
    # Imported once; TensorFlow starts its threads where it is first asked, which is in the child.
    fork = multiprocessing.get_context("fork")
    for line in sys.stdin:
        child = fork.Process(target=_call, args=(call, int(line)))
        child.start()
        child.join()
        print(child.exitcode, flush=True)


def _call(call: Callable[[], object], kill_at: int) -> None:
    steps = itertools.count(1)

    def look(_: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and _changes_files(called) and next(steps) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)
    call()
    sys.setprofile(None)


def _changes_files(called: Any) -> bool:
    if called.__name__ in _CHANGES.get(called.__module__, ()):
        return True
    file = called.__self__
    return (
        called.__name__ in _CHANGES_OF_A_FILE
        and isinstance(file, io.FileIO | io.BufferedWriter | io.TextIOWrapper)
        and not file.closed
        and file.writable()
        and file.fileno() > _STANDARD_ERROR
    )


if __name__ == "__main__":
    _main(*sys.argv[1:])
