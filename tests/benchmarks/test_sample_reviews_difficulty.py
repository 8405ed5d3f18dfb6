"""The committed sample reviews are neither a toy nor a riddle, and the benchmark says so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "sample_reviews_difficulty.py"


def measure(results: Path, *arguments: str) -> dict[str, float]:
    """Returns the benchmark's figures by their names."""
    command = [sys.executable, str(BENCHMARK), "--results", str(results), *arguments]
    subprocess.run(command, check=True, capture_output=True)
    return {f["name"]: f["value"] for f in json.loads(results.read_text(encoding="utf-8"))}


def best_word(figures: dict[str, float]) -> tuple[str, float]:
    (found,) = ((n, v) for n, v in figures.items() if n.startswith("best single word"))
    return found


def write_split(folder: Path, name: str, reviews: list[tuple[str, str]]) -> None:
    lines = [json.dumps({"text": text, "label": label}) for text, label in reviews]
    (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.slow
def test_the_committed_reviews_are_within_their_bounds(tmp_path):
    figures = measure(tmp_path / "results.json")
    assert 0.80 <= figures["TF-IDF + logistic regression"] <= 0.92
    assert best_word(figures)[1] < 0.65


@pytest.mark.slow
def test_a_word_that_gives_the_label_away_is_found(tmp_path):
    reviews = [(f"film {i} is bad", "negative") for i in range(9)]
    reviews += [(f"film {i} is fine", "positive") for i in range(9)]
    for split in ("train", "test"):
        write_split(tmp_path, split, reviews)
    figures = measure(tmp_path / "results.json", "--folder", str(tmp_path))
    assert best_word(figures) in {
        ("best single word ('bad')", 1.0),
        ("best single word ('fine')", 1.0),
    }
    assert figures["TF-IDF + logistic regression"] == 1.0
