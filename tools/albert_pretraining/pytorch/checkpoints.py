"""States of a training as files that appear whole or not at all."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
from typing import Any

import torch

STEP = re.compile(r"step-(\d+)\.pt")


@dataclasses.dataclass(frozen=True)
class Checkpoints:
    """The last states of a training.

    Attributes:
      folder: where they lie.
      kept: how many stay.
    """

    folder: pathlib.Path
    kept: int = 2

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Writes the state after `step` steps, then removes what is older than the last ones."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{step}.pt"
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        for old in self.steps()[: -self.kept]:
            (self.folder / f"step-{old}.pt").unlink()

    def steps(self) -> list[int]:
        """Returns the steps whose states are kept, ascending."""
        matches = [STEP.fullmatch(path.name) for path in self.folder.glob("step-*.pt")]
        return sorted(int(match[1]) for match in matches if match)

    def load(self, step: int) -> dict[str, Any]:
        """Reads the state after `step` steps, onto the CPU."""
        path = self.folder / f"step-{step}.pt"
        return torch.load(path, map_location="cpu", weights_only=True)
