import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from albert_tfx.errors import InputError
from pipelines.cloud import starters
from pipelines.cloud.starters import Containers, Processes
from tests.support.servers import Fifo

PROJECT = pathlib.Path(__file__).parents[3]

_ENGINE = """#!{python}
import json, sys
with open({record!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "run":
    print("from the container")
sys.exit("no such image" if sys.argv[-1] == "none" else sys.argv[-1] == "fails")
"""


@pytest.fixture
def engines(tmp_path, monkeypatch):
    """A docker and a podman that do nothing; returns a function that returns what was asked.

    Removals, which also come once a starter is no more, only where they are asked for.
    """
    record = tmp_path / "record"
    record.touch()
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in starters.ENGINES:
        (folder / name).write_text(_ENGINE.format(python=sys.executable, record=str(record)))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def asked(removals=False):
        lines = [json.loads(line) for line in record.read_text().splitlines()]
        return [line for line in lines if removals or line[0] != "rm"]

    return asked


def run(starter, folder, *command) -> tuple[int, str]:
    log = folder / "log.txt"
    with log.open("wb") as file:
        status = starter.run(command, "registry/image:1", folder, file)
    return status, log.read_text()


def test_a_command_runs_in_a_container_of_its_image(engines, tmp_path):
    status, log = run(Containers("docker", tmp_path / "output"), tmp_path, "python", "-m", "task")

    [line] = engines()
    assert (status, log) == (0, "from the container\n")
    assert line[0] == "run"
    assert line[-4:] == ["registry/image:1", "python", "-m", "task"]


def test_of_this_machine_it_has_the_output_folder_alone(engines, tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "output").symlink_to("target")

    run(Containers("docker", tmp_path / "output"), tmp_path, "task")

    [line] = engines()
    volumes = [option for option in line if option.startswith("--volume")]
    assert volumes == [
        f"--volume={tmp_path}/output:{tmp_path}/output",
        f"--volume={tmp_path}/target:{tmp_path}/target",
    ]
    assert {"--network=none", "--read-only", "--tmpfs=/tmp", "--cap-drop=all"} < set(line)


def test_it_has_the_network_that_was_asked_for(engines, tmp_path):
    run(Containers("docker", tmp_path, network="bridge"), tmp_path, "task")

    assert "--network=bridge" in engines()[0]


@pytest.mark.parametrize(
    ("engine", "user", "mapped"),
    [("docker", 1000, False), ("podman", 1000, True), ("podman", 0, False)],
)
def test_it_acts_as_the_caller(engines, tmp_path, monkeypatch, engine, user, mapped):
    monkeypatch.setattr(os, "getuid", lambda: user)

    run(Containers(engine, tmp_path), tmp_path, "task")

    [line] = engines()
    assert f"--user={user}:0" in line
    assert ("--userns=keep-id" in line) == mapped


def test_its_status_is_the_command_s(engines, tmp_path):
    assert run(Containers("podman", tmp_path), tmp_path, "fails")[0] == 1


def test_the_end_reaches_the_containers_by_their_names(engines, tmp_path):
    containers = Containers("podman", tmp_path)
    for _ in range(2):
        run(containers, tmp_path, "task")

    containers.end(grace=3)

    *started, stop, remove = engines(removals=True)
    names = [option.removeprefix("--name=") for line in started for option in line[3:4]]
    assert len(set(names)) == 2
    assert all("--init" in line for line in started)
    assert stop == ["stop", "-t", "3", *names]
    assert remove == ["rm", "--force", *names]


_REPLAY = """
import pathlib, sys
from pipelines.cloud.starters import Containers

with open(sys.argv[1], "wb") as log:
    containers = Containers("podman", ".")
    containers.run(["task"], "registry/image:1", pathlib.Path(), log)
    print("ran", flush=True)
    sys.stdin.readline()
"""


def test_containers_end_with_a_replay_that_is_killed(engines, tmp_path):
    fifo = Fifo(tmp_path / "removed")
    script = f'#!/bin/sh\n[ "$1" = rm ] && echo "$@" > {tmp_path}/removed || true\n'
    (tmp_path / "bin" / "podman").write_text(script)
    command = [sys.executable, "-c", _REPLAY, str(tmp_path / "log.txt")]
    pipe = subprocess.PIPE
    with (
        contextlib.closing(fifo),
        subprocess.Popen(command, cwd=PROJECT, stdin=pipe, stdout=pipe) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"ran\n"
        process.kill()

        assert fifo.read() == f"rm --force albert-tfx-{process.pid}-1\n".encode()


@pytest.mark.parametrize("starter", [Processes, lambda: Containers("podman", ".")])
def test_after_the_end_nothing_starts(engines, tmp_path, starter):
    starter = starter()
    starter.end(grace=0)

    assert run(starter, tmp_path, "task") == (-signal.SIGTERM, "")
    assert engines() == []


def test_an_image_that_is_there_is_taken(engines):
    starters.require_images("podman", ["one", "two"])

    assert engines() == [["image", "inspect", "one"], ["image", "inspect", "two"]]


def test_an_image_that_is_not_there_is_refused(engines):
    with pytest.raises(InputError) as raised:
        starters.require_images("podman", ["one", "none"])

    assert str(raised.value) == (
        "podman has no image none (no such image). Build it with `podman build --tag none .`, or "
        "fetch it with `podman pull none`."
    )


@pytest.mark.parametrize(
    ("there", "remedy"),
    [(["docker"], "Use --engine docker"), ([], "Install it, or leave --engine")],
)
def test_an_engine_that_is_not_there_is_refused(engines, tmp_path, monkeypatch, there, remedy):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in set(starters.ENGINES) - set(there):
        (tmp_path / "bin" / name).unlink()

    with pytest.raises(InputError, match=f"There is no podman on this machine. {remedy}"):
        starters.require_images("podman", ["image"])


def test_a_process_runs_in_the_task_s_folder_with_the_package_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    code = (
        "import os; print(os.getcwd(), os.environ['PYTHONPATH'], os.environ['TF_USE_LEGACY_KERAS'])"
    )

    status, log = run(Processes(tmp_path / "package"), tmp_path, "python", "-c", code)

    assert (status, log) == (0, f"{tmp_path} {tmp_path}/package 1\n")


def test_what_a_process_leaves_for_temporary_goes_at_the_end(tmp_path):
    starter = Processes()
    _, log = run(starter, tmp_path, "python", "-c", "import tempfile; print(tempfile.mkdtemp())")
    left = pathlib.Path(log.strip())
    assert left.is_dir()

    starter.end(0)

    assert not left.parent.exists()
