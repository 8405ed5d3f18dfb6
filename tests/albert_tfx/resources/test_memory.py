import math
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from albert_tfx.resources import memory

MEGABYTE = 1_000_000
TAKEN = 200 * MEGABYTE


def test_what_a_block_holds_is_what_it_took():
    with memory.taken() as used:
        held = np.ones(TAKEN, np.uint8)
    assert held.nbytes <= used.bytes < held.nbytes + 50 * MEGABYTE


def test_what_was_held_before_is_no_part_of_it():
    held = np.ones(TAKEN, np.uint8)
    with memory.taken() as used:
        assert held.all()
    assert 0 <= used.bytes < TAKEN / 2


def test_free_memory_is_not_taken_unnoticed():
    small = TAKEN // 1000  # the C library keeps small pieces when they are free
    pieces = [np.ones(small, np.uint8) for _ in range(1000)]
    del pieces
    with memory.taken() as used:
        again = [np.ones(small, np.uint8) for _ in range(1000)]
    assert used.bytes > 0.9 * TAKEN
    assert len(again) == 1000


PEAK = f"""
import numpy as np
from albert_tfx.resources import memory
memory._SECONDS_BETWEEN_SAMPLES = 3600
{{before}}
with memory.taken() as used:
    len(np.ones({TAKEN}, np.uint8))
print(used.bytes)
"""


@pytest.mark.parametrize(
    ("before", "is_seen"), [("", True), (f"len(np.ones({2 * TAKEN}, np.uint8))", False)]
)
def test_a_peak_between_samples_is_seen_where_it_is_the_processs_highest(before, is_seen):
    program = PEAK.format(before=before)
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    # The kernel counts pages, each thread some of its own before they are summed.
    assert (float(printed.stdout) > 0.9 * TAKEN) == is_seen


def test_a_peak_below_an_earlier_one_is_seen_in_samples(monkeypatch):
    earlier = np.ones(2 * TAKEN, np.uint8)
    del earlier
    sampled, read = threading.Event(), memory._kept

    def kept(name):
        value = read(name)
        if threading.current_thread() is not threading.main_thread():
            sampled.set()
        return value

    with memory.taken() as used:
        held = np.ones(TAKEN, np.uint8)
        monkeypatch.setattr(memory, "_kept", kept)
        assert sampled.wait(60)
        del held
    assert used.bytes > 0.9 * TAKEN


def test_a_system_that_does_not_say_measures_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "status")
    with memory.taken() as used:
        pass
    assert math.isnan(used.bytes)
    Path(tmp_path / "status").write_text("Name: python\n")
    with memory.taken() as used:
        pass
    assert math.isnan(used.bytes)


def test_the_peak_of_the_process_stays_what_it_is():
    held = np.ones(TAKEN, np.uint8)
    del held
    before = memory._kept("VmHWM")
    with memory.taken():
        pass
    assert memory._kept("VmHWM") >= before


def test_work_that_fails_leaves_no_thread_behind():
    threads = threading.active_count()
    with pytest.raises(ZeroDivisionError), memory.taken():
        raise ZeroDivisionError
    assert threading.active_count() == threads
