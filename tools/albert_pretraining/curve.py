"""The measured curve of a training as a CSV file."""

from __future__ import annotations

import csv
import pathlib

CURVE_FILE = "curve.csv"


class Curve:
    """Rows of measurements in a file; rows after the first step are dropped.

    A column appears with the first row that has it, and is empty in the others.

    Args:
      path: of the file.
      first_step: where training goes on.
    """

    def __init__(self, path: pathlib.Path, first_step: int):
        self._path = path
        rows = read_curve(path) if path.exists() else []
        self._rows = [row for row in rows if int(row["step"]) <= first_step]
        self._write()

    def add(self, row: dict[str, float]) -> None:
        """Appends one row and writes the whole file anew, under a temporary name first."""
        self._rows.append({key: f"{value:.6g}" for key, value in row.items()})
        self._write()

    def _write(self) -> None:
        partial = self._path.with_suffix(".partial")
        fields = list(dict.fromkeys(key for row in self._rows for key in row)) or ["step"]
        with partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, fields, restval="")
            writer.writeheader()
            writer.writerows(self._rows)
        partial.replace(self._path)


def read_curve(path: pathlib.Path) -> list[dict[str, str]]:
    """Reads the rows of a curve; fields never measured at a row are empty."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
