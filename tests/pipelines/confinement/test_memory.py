from pathlib import Path

import pytest

from pipelines.confinement import memory

GIB = 1 << 30


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    path = tmp_path / "meminfo"
    path.write_text("MemTotal: 32000000 kB\nMemAvailable:   8388608 kB\n")
    return path


@pytest.mark.parametrize(("limit", "free"), [("max\n", 8), ("4294967296\n", 4), ("", 8)])
def test_what_is_free_is_the_lesser_of_machine_and_control_group(limit, free, meminfo, tmp_path):
    file = tmp_path / "memory.max"
    file.write_text(limit)
    assert memory.available(meminfo, file) == free * GIB


def test_what_is_unknown_is_not_guessed(tmp_path):
    assert memory.available(tmp_path / "none", tmp_path / "none") is None


def test_a_larger_encoder_needs_more():
    assert memory.needed(110_000_000) - memory.needed(0) > 2 * GIB


@pytest.mark.parametrize(("free", "is_short"), [(1 * GIB, True), (64 * GIB, False)])
def test_a_remedy_is_named_before_the_start_where_memory_is_short(free, is_short, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: free)
    line = memory.describe(12_000_000)
    assert line.startswith("memory: at least 2.7 GiB, of ")
    assert ("--batch-size" in line) == is_short
