"""Executes the notebook on the finished runs of a folder.

    make notebook                                     # those in output/
    python tools/execute_notebook.py --output FOLDER
    make notebook-update                              # for maintainers

The executed copy is FOLDER/compare_models.ipynb, which can be opened, changed and executed again
there; the notebook of the checkout stays as it is. `--update` writes the tables and figures into
that one, which shows them to whoever reads it on the web. What libraries print while they are
imported names this machine's folders, and is left out.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from albert_tfx import exit_status, storage
from albert_tfx.errors import InputError

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "compare_models.ipynb"
_TIMEOUT_SECONDS = 600


def execute(notebook: nbformat.NotebookNode, output: str | None = None) -> nbformat.NotebookNode:
    """Executes a notebook in its own folder.

    Args:
      notebook: What to execute; its cells receive their outputs.
      output: In place of the folder of the run that the cell tagged `parameters` names.

    Returns:
      `notebook`, whose parameters are as they were.

    Raises:
      nbclient.exceptions.CellExecutionError: A cell failed.
    """
    parameters = _parameters(notebook)
    named = parameters.source
    if output is not None:
        parameters.source = f"OUTPUT = {output!r}"
    client = NotebookClient(
        notebook,
        timeout=_TIMEOUT_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
    )
    client.execute()
    parameters.source = named
    return notebook


def _parameters(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    [cell] = (each for each in notebook.cells if "parameters" in each.metadata.get("tags", ()))
    return cell


def without_noise(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Takes out what was printed, and when and by which kernel the cells were executed."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if each.output_type != "stream"]
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


@exit_status.command
def main(argv: Sequence[str] | None = None) -> int:
    """Executes, and writes the copy or, with `--update`, the notebook anew.

    Args:
      argv: The options; the process's own if None.

    Returns:
      The exit status.
    """
    arguments = _parser().parse_args(argv)
    folder = Path(arguments.output).resolve()
    notebook = without_noise(_executed(folder))
    target = NOTEBOOK if arguments.update else folder / NOTEBOOK.name
    if not arguments.update:
        _parameters(notebook).source = 'OUTPUT = "."  # the folder that this copy lies in'
    storage.write_bytes(target, nbformat.writes(notebook).encode())
    print(target)
    return 0


def _executed(folder: Path) -> nbformat.NotebookNode:
    """Returns the notebook with what it shows of the runs in a folder.

    Raises:
      InputError: There is no finished run.
    """
    if not (folder / "metadata.db").exists():  # told before anything slow is imported
        raise InputError(
            f"There is no run in {folder}", "Give the folder of one: python local_runner.py"
        )
    try:
        return execute(nbformat.read(NOTEBOOK, as_version=4), str(folder))
    except CellExecutionError as error:
        if error.ename == InputError.__name__:
            raise InputError(*error.evalue.rstrip(".").split(". ", 1)) from error
        raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", default="output", help="folder of runs (default: output)")
    parser.add_argument(
        "--update", action="store_true", help="write into the notebook of the checkout"
    )
    return parser


if __name__ == "__main__":
    exit_status.leave(main)
