import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

from albert_tfx import sources
from pipelines.local import surroundings

_LEAVES = "import tempfile; print(tempfile.mkdtemp())"


def test_what_libraries_leave_goes_with_the_run():
    with surroundings.of_a_run() as folder:
        here = pathlib.Path(tempfile.mkdtemp())
        printed = subprocess.check_output([sys.executable, "-c", _LEAVES], text=True)
        there = pathlib.Path(printed.strip())
        assert here.parent == there.parent == pathlib.Path(folder)
        assert there.is_dir()

    assert not pathlib.Path(folder).exists()


def test_all_is_as_before_once_the_run_is_over(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    before = (dict(os.environ), tempfile.gettempdir())

    with pytest.raises(ValueError, match="a fault"), surroundings.of_a_run():
        raise ValueError("a fault")

    assert (dict(os.environ), tempfile.gettempdir()) == before


def test_a_path_that_was_given_comes_after_the_project(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", "/mine")

    with surroundings.of_a_run():
        assert os.environ["PYTHONPATH"].split(os.pathsep) == [str(sources.ROOT), "/mine"]

    assert os.environ["PYTHONPATH"] == "/mine"
