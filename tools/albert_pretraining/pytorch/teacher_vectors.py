"""The teacher's vectors of the corpus's words, made once and read by place."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import torch

VECTORS_FILE = "vectors.npy"
WORDS_FILE = "word_of_token.npy"
PROGRESS_FILE = "progress.json"
SCALE = 24.0  # steps of a byte in a component's mean deviation


class TeacherVectors:
    """Vectors of the words of a corpus, one for all tokens of a word.

    Args:
      folder: with `VECTORS_FILE`, int8 `[words, width]`, and `WORDS_FILE`, int32 `[tokens]`.
      device: where training runs; on a GPU all vectors are held there.

    Raises:
      ValueError: the teacher has not read all of the corpus.
    """

    def __init__(self, folder: pathlib.Path, device: str = "cpu"):
        progress = json.loads((folder / PROGRESS_FILE).read_text())
        if progress["reviews"] < progress["all"]:
            raise ValueError(
                f"The teacher has read {progress['reviews']} of {progress['all']} reviews. Run "
                "tools/teach.py until it is done."
            )
        self._vectors = _tensor(folder / VECTORS_FILE, device)
        self._word_of_token = _tensor(folder / WORDS_FILE, device)

    @property
    def width(self) -> int:
        """Components of a vector."""
        return self._vectors.shape[1]

    def of(self, places: torch.Tensor) -> torch.Tensor:
        """Returns float32 `[n, width]` for the tokens at `places`, `[n]`, of the corpus."""
        return self._vectors[self._word_of_token[places].long()].float() / SCALE


def _tensor(path: pathlib.Path, device: str) -> torch.Tensor:
    """Reads an array; on the CPU it stays in its file, mapped into memory."""
    return torch.from_numpy(np.load(path, mmap_mode="c")).to(device)
