"""Where the executed notebook goes; what is in it, `tests/notebooks` tests."""

import hashlib
import shutil
from pathlib import Path

import execute_notebook
import nbformat
import pytest
from execute_notebook import NOTEBOOK

from tests.support.metadata import Output, Records

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(finished, tmp_path: Path) -> Path:
    """What the notebook reads of an output folder."""
    shutil.copytree(finished.config.pipeline_root, tmp_path / "pipeline")
    shutil.copy(finished.config.metadata, tmp_path)
    return tmp_path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_copy_lies_with_the_runs_and_goes_on_from_there(folder: Path, monkeypatch, capsys):
    before = _digest(NOTEBOOK)
    assert execute_notebook.main(["--output", str(folder)]) == 0
    copy = folder / "compare_models.ipynb"
    assert capsys.readouterr().out == f"{copy}\n"
    assert _digest(NOTEBOOK) == before
    notebook = nbformat.read(copy, as_version=4)
    nbformat.validate(notebook)
    assert any("data" in each for cell in notebook.cells for each in cell.get("outputs", ()))
    monkeypatch.chdir(folder)
    exec(notebook.cells[1].source + "\n" + notebook.cells[2].source)


def test_only_an_update_writes_into_the_checkouts_own(folder: Path, monkeypatch, tmp_path: Path):
    own = tmp_path / "own.ipynb"
    shutil.copy(NOTEBOOK, own)
    monkeypatch.setattr(execute_notebook, "NOTEBOOK", own)
    before = nbformat.read(own, as_version=4)
    assert execute_notebook.main(["--output", str(folder), "--update"]) == 0
    after = nbformat.read(own, as_version=4)
    assert [each.source for each in after.cells] == [each.source for each in before.cells]
    assert after.cells != before.cells
    assert not (folder / NOTEBOOK.name).exists()


def test_a_folder_without_a_run_is_refused(tmp_path: Path, capsys):
    assert execute_notebook.main(["--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"error: There is no run in {tmp_path}. Give the folder of one: python local_runner.py.\n"
    )


def test_a_run_that_has_not_finished_is_refused_as_the_notebook_says(tmp_path: Path, capsys):
    Records(Output(tmp_path)).execution("Transform", "transform_graph", "COMPLETE")
    assert execute_notebook.main(["--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"error: No run has finished in '{tmp_path}'. Run local_runner.py to its end.\n"
    )
