from collections import Counter
from pathlib import Path
from typing import Any

import drawn_reviews
import reading


def contents(stream: Any, texts: int) -> Counter[tuple]:
    rows = (row for ids, _ in stream.take(2 * texts) for row in ids.numpy().tolist())
    return Counter(tuple(row) for row in rows)


def test_both_sides_give_batches_of_the_same_texts(tmp_path: Path):
    ids = drawn_reviews.draw_ids([4, 9, 30] * 32, vocabulary=50, seed=1)
    drawn_reviews.write_records(ids, tmp_path / "0.gz")
    files = str(tmp_path / "*.gz")
    found = [contents(side(files), 3) for side in (reading.batched, reading.singly)]
    assert found[0] == found[1]
    assert found[0].total() == 2 * 96


def test_figures_name_both_sides():
    found = {reading.BATCHED: [2.0, 3.0, 4.0], reading.SINGLY: [20.0, 27.0, 80.0]}
    values = {figure.name: figure.value for figure in reading.figures_of(found, 2000)}
    assert values["2,000 texts, in batches"] == 3.0
    assert values["record by record over in batches"] == 10.0
