import csv

import numpy as np
import pytest
import three_verdicts
from sklearn.metrics import accuracy_score

from albert_tfx.yardstick import training


@pytest.mark.parametrize("answer", three_verdicts.ROWS)
def test_a_file_has_as_many_rows_as_asked_for_and_is_made_again_alike(tmp_path, answer):
    files = [tmp_path / name for name in ("first.csv", "second.csv")]
    for file in files:
        three_verdicts.write(file, answer, 60)
    first, second = (file.read_text(encoding="utf-8") for file in files)
    assert first == second
    rows = list(csv.DictReader(first.splitlines()))
    assert len({row["text"] for row in rows}) == 60
    labels = three_verdicts.SENTENCES[answer][1]
    assert [row["label"] for row in rows] == [labels[n % len(labels)] for n in range(60)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "is_told_by_words"), [("fine_tuned", False), ("frozen", False), ("neither", True)]
)
def test_words_and_pairs_of_words_tell_the_classes_apart_in_one_file_alone(
    answer, is_told_by_words
):
    texts, labels = zip(*three_verdicts.compose(answer, 1_200, seed=2), strict=True)
    names = sorted(set(labels))
    numbers = np.array([names.index(label) for label in labels])
    model = training.train([text.encode() for text in texts[:900]], numbers[:900])
    answers = model.predict([text.encode() for text in texts[900:]])
    accuracy = accuracy_score(numbers[900:], answers)
    assert accuracy > 0.98 if is_told_by_words else 0.4 < accuracy < 0.6
