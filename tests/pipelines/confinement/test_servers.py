"""Beam's workers in processes of their own: nobody else reaches them, and they end with the run."""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from pipelines.confinement import servers
from tests.support import listening

_RUN = """
import os, sys
import apache_beam as beam
from pipelines.confinement import servers, workers
from pipelines.local import surroundings

def wait(_, seen, gone_on):
    with open(seen, "w") as file:
        print(os.getpid(), file=file)
    open(gone_on).read()

if __name__ == "__main__":
    servers.listen_on_loopback()
    workers.fail_with_workers()
    with surroundings.of_a_run():
        options = ["--runner=FnApiRunner", *sys.argv[3:]]
        with beam.Pipeline(argv=options) as pipeline:
            pipeline | beam.Create([1]) | beam.Map(wait, *sys.argv[1:3])
"""


def start(folder: Path, *flags: str) -> tuple[subprocess.Popen[str], int]:
    """Starts a run; returns it, and the process that its one worker waits in."""
    script, seen, gone_on = folder / "run.py", folder / "seen", folder / "gone_on"
    script.write_text(_RUN)
    for pipe in (seen, gone_on):
        os.mkfifo(pipe)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, *map(str, (script, seen, gone_on)), *flags]
    run = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    return run, int(seen.read_text())


def has_ended(process: int, seconds: float = 60.0) -> bool:
    """Waits for the end of a process that is no child."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    ended, _, _ = select.select([handle], [], [], seconds)
    os.close(handle)
    return bool(ended)


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_workers_are_reached_on_loopback_only_and_end_with_their_run(end, tmp_path):
    run, worker = start(tmp_path, "--direct_running_mode=multi_processing")
    assert worker != run.pid
    found = listening.addresses(run.pid)
    run.send_signal(end)
    run.wait()
    assert has_ended(worker)
    assert found
    assert all(address.is_loopback for address in found)


@pytest.mark.slow
def test_a_run_whose_worker_is_killed_ends_and_says_so(tmp_path):
    run, worker = start(tmp_path, "--direct_running_mode=multi_processing")
    os.kill(worker, signal.SIGKILL)
    _, errors = run.communicate()
    assert run.returncode == 1
    assert "A worker process of Beam was lost" in errors


@pytest.mark.slow
def test_workers_in_threads_are_reached_on_loopback_only(tmp_path):
    run, _ = start(tmp_path, "--direct_running_mode=multi_threading")
    found = listening.addresses(run.pid)
    run.kill()
    run.wait()
    assert found
    assert all(address.is_loopback for address in found)


@pytest.mark.slow
def test_beam_in_this_process_listens_to_nothing(tmp_path):
    run, _ = start(tmp_path)
    found = listening.addresses(run.pid)
    run.kill()
    run.wait()
    assert not found


def test_a_socket_of_every_interface_would_be_seen():
    with socket.create_server(("0.0.0.0", 0)):
        (found,) = listening.addresses(os.getpid())
    assert not found.is_loopback


@pytest.mark.parametrize("address", ["[::]:0", "0.0.0.0:0", ":0", "*:0"])
def test_a_server_of_every_interface_listens_on_loopback(address, monkeypatch):
    from grpc import _server

    monkeypatch.setattr(_server._Server, "add_insecure_port", _server._Server.add_insecure_port)
    servers.listen_on_loopback()
    server = grpc.server(None)
    server.add_insecure_port(address)
    found = listening.addresses(os.getpid())
    server.stop(None).wait()
    assert found
    assert all(address.is_loopback for address in found)


def test_an_address_of_one_interface_stays():
    assert servers.on_loopback("10.0.0.1:80") == "10.0.0.1:80"
