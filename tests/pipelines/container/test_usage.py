import os
import subprocess
import sys

from pipelines.container import usage
from pipelines.container.usage import Usage

_TASK = """
import os, sys
from pipelines.container import usage
block = b"x" * {mib} * 2**20
del block
while sum(os.times()[:2]) < 0.2:  # that of its user and of the system
    sum(range(10**5))
print(usage.own_usage())
print("what a library has to say at its exit")
"""


def used(folder, mib):
    """Runs a process that has so much memory for a moment, and reads what it says of itself."""
    log = folder / "log.txt"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _TASK.format(mib=mib)]
    with log.open("w") as file:
        subprocess.run(command, env=environment, stdout=file, check=True)
    return usage.read_usage(log)


def test_the_most_memory_counts_and_not_the_last_one(tmp_path):
    small, large = used(tmp_path, 1), used(tmp_path, 200)

    assert 190 < large.memory - small.memory < 215
    assert 0.2 <= small.processor_seconds < 10
    assert 0 < small.seconds < 60


def test_a_large_process_that_starts_it_does_not_count(tmp_path):
    alone = used(tmp_path, 1)
    block = b"x" * 300 * 2**20

    assert used(tmp_path, 1).memory < alone.memory + 50
    del block


def test_the_last_line_of_a_log_counts(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text(f"{Usage(1, 2, 3)}\nwarning\n{Usage(61.25, 110.5, 2345)}\n")

    assert usage.read_usage(log) == Usage(61.2, 110.5, 2345)


def test_a_log_without_one_has_none(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("used to be\nused 1 s\n")

    assert usage.read_usage(log) is None
