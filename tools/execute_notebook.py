"""Executes the notebook on a finished run, and keeps its tables and figures in the file.

    make notebook                                     # on the run in output/
    python tools/execute_notebook.py --output FOLDER

What libraries print while they are imported names this machine's folders, and is left out.
"""

import argparse
from pathlib import Path

import nbformat
from nbclient import NotebookClient

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
    (parameters,) = (c for c in notebook.cells if "parameters" in c.metadata.get("tags", ()))
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


def without_noise(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Takes out what was printed, and when and by which kernel the cells were executed."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if each.output_type != "stream"]
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def main() -> None:
    """Executes, and writes the notebook anew."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", help="folder of a run (default: the one the notebook names)")
    arguments = parser.parse_args()
    output = arguments.output and str(Path(arguments.output).resolve())
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.write(without_noise(execute(notebook, output)), NOTEBOOK)


if __name__ == "__main__":
    main()
