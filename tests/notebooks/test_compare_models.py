"""The notebook, executed against a real run, and what it calls."""

import ast
import builtins
import html
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from albert_tfx.report import accuracy_plots
from pipelines import runs
from pipelines.notebook import tables
from albert_tfx.contract import SHORT_TITLES
from albert_tfx.errors import InputError
from albert_tfx.evaluation.results import load_comparison
from execute_notebook import NOTEBOOK, execute

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def executed(finished):
    return execute(nbformat.read(NOTEBOOK, as_version=4), finished.config.output)


def outputs(notebook, kind: str) -> list[str]:
    found = (each for cell in notebook.cells for each in cell.get("outputs", ()))
    return [each["data"][kind] for each in found if kind in each.get("data", {})]


def test_shows_the_numbers_of_the_run(executed, finished):
    comparison = load_comparison(finished.uri("Evaluator.comparison", "evaluation"))
    shown = " ".join(outputs(executed, "text/plain"))
    for metrics in (comparison.frozen, comparison.fine_tuned):
        assert f"{metrics.log_loss:.3f}" in shown
    for each in comparison.slices:
        assert each.name in shown


def test_shows_every_figure_and_no_widget(executed):
    assert len(outputs(executed, "image/png")) == 8
    kinds = {kind for cell in executed.cells for o in cell.get("outputs", ()) for kind in o.get("data", ())}
    assert kinds <= {"text/plain", "text/html", "image/png"}


def test_names_in_tables_are_text_and_no_mathematics(executed):
    shown = [each for each in outputs(executed, "text/html") if "<table" in each]
    assert shown
    assert all("tex2jax_ignore" in each for each in shown)


def test_prints_nothing_not_even_where_libraries_are_imported(executed):
    printed = [o for c in executed.cells for o in c.get("outputs", ()) if o.output_type == "stream"]
    assert printed == []


def test_defines_nothing_of_its_own():
    code = [c.source for c in nbformat.read(NOTEBOOK, as_version=4).cells if c.cell_type == "code"]
    for word in ("def ", "class ", "lambda", "while ", "/tmp", "/home"):
        assert not [source for source in code if word in source]


def test_is_committed_with_what_a_run_gave():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert len(outputs(notebook, "image/png")) == 8
    for place in ("tmp", "home", "root", "work"):
        assert f"/{place}/" not in NOTEBOOK.read_text()
    assert "stream" not in {o.output_type for c in notebook.cells for o in c.get("outputs", ())}


def test_runs_are_found_with_their_artifacts(finished):
    run = runs.list_runs(finished.config.output)[0]
    assert run.pipeline == finished.config.name
    for (component, output), uri in finished.uris.items():
        assert run.uri(component, output) == uri
    with pytest.raises(InputError, match="no Trainer.nobody"):
        run.uri("Trainer.nobody", "model")


def test_a_folder_that_was_moved_is_still_read(finished, tmp_path):
    moved = tmp_path / "moved"
    for name in ("Evaluator.comparison", "Trainer.frozen/model_run", "Trainer.fine_tuned/model_run"):
        shutil.copytree(Path(finished.config.pipeline_root, name), moved / "pipeline" / name)
    shutil.copy(finished.config.metadata, moved)
    run = runs.list_runs(str(moved))[0]
    assert str(moved) in run.uri("Evaluator.comparison", "evaluation")
    assert run.comparison() == runs.list_runs(finished.config.output)[0].comparison()


def test_a_run_is_known_by_its_number(finished):
    run = runs.list_runs(finished.config.output)[0]
    assert run.number == 1
    comparison = run.comparison()
    shown = tables.over_time([run]).loc[(1, "Fine-tuned"), "accuracy"]
    assert shown == f"{comparison.fine_tuned.accuracy:.1%}"
    axes = accuracy_plots.runs_figure({"run 1": comparison, "run 2": comparison}).axes[0]
    assert [each.get_text() for each in axes.get_xticklabels()] == ["run 1", "run 2"]


def test_history_is_a_row_an_epoch(finished):
    histories = runs.list_runs(finished.config.output)[0].histories()
    table = tables.histories(histories)
    for name, history in histories.items():
        shown = table[SHORT_TITLES[name], "val_accuracy"].dropna().tolist()
        assert shown == [epoch["val_accuracy"] for epoch in history.epochs]


def test_shows_the_answer_and_one_cell_a_metric(executed, finished):
    run = runs.list_runs(finished.config.output)[0]
    shown = " ".join(outputs(executed, "text/html"))
    assert run.summary().reason in html.unescape(shown)
    assert f"{run.comparison().frozen.accuracy:.1%}" in shown
    assert "accuracy_lower" not in shown


def test_sets_up_nothing_but_by_one_import():
    code = [c.source for c in nbformat.read(NOTEBOOK, as_version=4).cells if c.cell_type == "code"]
    assert not [source for source in code if "environ" in source or "setLevel" in source]
    imports = [line for source in code for line in source.splitlines() if " import " in line]
    assert imports[0].startswith("from pipelines.notebook import")


def test_every_section_runs_alone_after_the_first_two_cells(executed):
    """Whatever a cell names, it, the first two or those of its own section have assigned."""
    known = _names(executed.cells[1].source) | _names(executed.cells[2].source)
    for section in _sections(executed.cells[3:]):
        here = set(known)
        for source in section:
            used = {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)}
            here |= _names(source)
            assert used <= here | set(dir(builtins)), source


def _names(source: str) -> set[str]:
    """Returns the names that code assigns or imports."""
    nodes = list(ast.walk(ast.parse(source)))
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    aliases = (a for n in nodes if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names)
    return stored | {alias.asname or alias.name for alias in aliases}


def _sections(cells) -> list[list[str]]:
    """Returns the code of each section, which a heading begins."""
    sections: list[list[str]] = [[]]
    for cell in cells:
        if cell.cell_type == "markdown":
            sections.append([])
        else:
            sections[-1].append(cell.source)
    return sections


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_a_folder_without_a_run_is_refused(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"holds no metadata\.db"):
        runs.list_runs(folder)
    assert not list(tmp_path.iterdir())
