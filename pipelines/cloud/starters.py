"""How a replay starts a task's command: as a process of this machine, or in a container."""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from albert_tfx import sources
from albert_tfx.errors import InputError
from pipelines.confinement import workers

# Of the image; see the Dockerfile.
IMAGE_ENVIRONMENT = {"TF_USE_LEGACY_KERAS": "1"}
ENGINES = ("docker", "podman")
# What Kubernetes and OpenShift may take from a task.
_CONFINED = (
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--security-opt=label=disable",  # SELinux keeps a container from a mounted folder
)


class Starter(Protocol):
    """Starts commands, and ends them all at once."""

    def run(self, command: Sequence[str], image: str, folder: Path, log: IO[bytes]) -> int:
        """Runs a command to its end.

        Args:
          command: The command and its arguments.
          image: The container image that the spec names for it.
          folder: The task's own folder.
          log: File that receives what the command prints.

        Returns:
          Its exit status; after `end`, without a start, that of a process that was terminated.
        """

    def end(self, grace: float) -> None:
        """Terminates what runs, kills what still runs after `grace` seconds, and waits for it."""


class Processes:
    """Starts each command as a process, with this Python and the packages installed here."""

    def __init__(self, package: str | os.PathLike[str] | None = None) -> None:
        """Prepares for starts.

        Args:
          package: Folder into which this project was installed; None for the code that runs here.
        """
        self._code = sources.environment(Path(package or sources.ROOT))
        # Libraries leave files there, some where their process is ended.
        self._temporary = tempfile.TemporaryDirectory(
            prefix="albert-tfx-", ignore_cleanup_errors=True
        )
        self._running = _Running()

    def run(self, command: Sequence[str], image: str, folder: Path, log: IO[bytes]) -> int:
        """Runs a command in the task's folder."""
        del image
        line = [sys.executable if command[0] == "python" else command[0], *command[1:]]
        environment = {**os.environ, **IMAGE_ENVIRONMENT, **self._code}
        environment |= {**workers.own_environment(), "TMPDIR": self._temporary.name}
        return self._running.run(line, cwd=folder, env=environment, stdout=log, stderr=log)

    def end(self, grace: float) -> None:
        """Ends the processes."""
        self._running.end(grace)
        self._temporary.cleanup()


class Containers:
    """Starts each command in a container of its own, confined as Kubernetes may confine it.

    The container's root file system is read-only, and its user the caller, in group 0, without any
    capability. Of this machine it sees the output folder, at the same path, and nothing else.
    """

    def __init__(self, engine: str, output: str | os.PathLike[str], network: str = "none") -> None:
        """Prepares for starts.

        Args:
          engine: One of `ENGINES`.
          output: Folder that receives the run.
          network: The engine's network for the containers.
        """
        self._engine = engine
        # By its own name and, where that is a link, by the one that it leads to.
        self._outputs = {str(Path(output).absolute()), str(Path(output).resolve())}
        self._network = network
        self._running = _Running()
        self._numbers = itertools.count(1)
        self._names: list[str] = []
        self._remover = _Remover(engine)

    def run(self, command: Sequence[str], image: str, folder: Path, log: IO[bytes]) -> int:
        """Runs a command in a container of the image."""
        del folder
        name = f"albert-tfx-{os.getpid()}-{next(self._numbers)}"
        self._names.append(name)
        self._remover.add(name)
        options = ("--rm", "--init", f"--name={name}", "--pull=never", *self._access(), *_CONFINED)
        line = [self._engine, "run", *options, image, *command]
        return self._running.run(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def end(self, grace: float) -> None:
        """Ends the containers, and what started them."""
        self._running.refuse()
        if self._names:
            command = [self._engine, "stop", "-t", str(int(grace)), *self._names]
            subprocess.run(command, capture_output=True, check=False)
        self._running.end(grace)
        self._remover.remove()  # one whose start the end has overtaken

    def _access(self) -> list[str]:
        folders = [f"--volume={folder}:{folder}" for folder in sorted(self._outputs)]
        options = [f"--network={self._network}", f"--user={os.getuid()}:0", *folders]
        if self._engine == "podman":
            options.append("--read-only-tmpfs=false")  # else it adds folders to write to
        if self._engine == "podman" and os.getuid() != 0:
            options.append("--userns=keep-id")  # else this user would be root in there
        return options


class _Remover:
    """Removes containers at the end of this process, by whatever signal.

    An engine's containers are no children of the process that starts them. So another process waits
    until no one is left to write to its standard input.
    """

    _SCRIPT = 'names=$(cat) && [ "$names" ] && exec "$0" rm --force $names'

    def __init__(self, engine: str) -> None:
        self._process = subprocess.Popen(
            ["sh", "-c", self._SCRIPT, engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdin is not None
        self._names = self._process.stdin

    def add(self, name: str) -> None:
        """Takes up a container that is about to start; after `remove` none does."""
        with contextlib.suppress(ValueError):
            self._names.write(f"{name}\n".encode())

    def remove(self) -> None:
        """Removes those that are still there, and waits for it."""
        self._names.close()
        self._process.wait()


def check(engine: str | None, network: str | None, package: str | None) -> None:
    """Refuses what would be without effect.

    Raises:
      InputError: There is no such engine, or an option does not go with it.
    """
    if engine is None and network is not None:
        raise InputError("--network needs --engine", "A process has the network of this machine")
    if engine is not None and package is not None:
        raise InputError("--package does not go with --engine", "A container runs its image's code")
    if engine not in (None, *ENGINES):
        raise InputError(f"--engine cannot be {engine!r}", f"Give {' or '.join(ENGINES)}")


def require_images(engine: str, images: Iterable[str]) -> None:
    """Refuses an engine or an image that is not here.

    Raises:
      InputError: There is no such command, or it does not have one of the images.
    """
    if shutil.which(engine) is None:
        others = [other for other in ENGINES if shutil.which(other)]
        remedy = f"Use --engine {others[0]}" if others else "Install it, or leave --engine out"
        raise InputError(f"There is no {engine} on this machine", remedy)
    for image in images:
        command = [engine, "image", "inspect", image]
        looked = subprocess.run(command, capture_output=True, text=True, check=False)
        if looked.returncode:
            said = (looked.stderr.strip().splitlines() or ["it does not say why"])[-1]
            raise InputError(
                f"{engine} has no image {image} ({said})",
                f"Build it with `{engine} build --tag {image} .`, or fetch it with "
                f"`{engine} pull {image}`",
            )


class _Running:
    """Processes that can be ended all at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started: list[subprocess.Popen[bytes]] = []
        self._ended = False

    def run(self, line: Sequence[str], **options: Any) -> int:
        """Runs a command to its end.

        Args:
          line: The command and its arguments.
          **options: Those of `subprocess.Popen`.

        Returns:
          Its exit status; after `refuse`, without a start, that of a process that was terminated.
        """
        with self._lock:
            if self._ended:
                return -signal.SIGTERM
            process = subprocess.Popen(line, **options)
            self._started.append(process)
        return process.wait()

    def refuse(self) -> None:
        """Lets nothing start any more."""
        with self._lock:
            self._ended = True

    def end(self, grace: float) -> None:
        """Terminates what runs, kills what still runs after `grace` seconds, and waits for it."""
        self.refuse()
        for process in self._started:
            process.terminate()
        deadline = time.monotonic() + grace
        for process in self._started:
            try:
                process.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
