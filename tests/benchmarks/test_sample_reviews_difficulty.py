"""The committed sample reviews are neither a toy nor a riddle, and the benchmark says so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "sample_reviews_difficulty.py"


def run(*arguments: str) -> str:
    command = [sys.executable, str(BENCHMARK), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def write_split(folder: Path, name: str, reviews: list[tuple[str, str]]) -> None:
    lines = [json.dumps({"text": text, "label": label}) for text, label in reviews]
    (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.slow
def test_the_committed_reviews_are_within_their_bounds(tmp_path):
    path = tmp_path / "difficulty.json"
    run("--json", str(path))
    difficulty = json.loads(path.read_text(encoding="utf-8"))
    assert 0.80 <= difficulty["tfidf_accuracy"] <= 0.92
    assert difficulty["best_word_accuracy"] < 0.65


@pytest.mark.slow
def test_a_word_that_gives_the_label_away_is_found(tmp_path):
    reviews = [(f"film {i} is bad", "negative") for i in range(9)]
    reviews += [(f"film {i} is fine", "positive") for i in range(9)]
    for split in ("train", "test"):
        write_split(tmp_path, split, reviews)
    path = tmp_path / "difficulty.json"
    run("--folder", str(tmp_path), "--json", str(path))
    difficulty = json.loads(path.read_text(encoding="utf-8"))
    assert difficulty["best_word"] in {"bad", "fine"}
    assert difficulty["best_word_accuracy"] == 1.0
    assert difficulty["tfidf_accuracy"] == 1.0
