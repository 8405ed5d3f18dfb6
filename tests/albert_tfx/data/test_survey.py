import collections
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.contract import EVAL, TEST, TRAIN
from albert_tfx.data import tfds_source
from albert_tfx.data.survey import Survey, survey
from albert_tfx.encoders.tokenizers import tokenization, vocabulary
from albert_tfx.options import DatasetOptions
from tests.support import data, tokenizer_files


def said(train: list[int], evaluated: list[int], test: list[int]) -> list[str]:
    """Returns the lines on shares, of splits with so many rows of each class."""
    given = {TRAIN: train, EVAL: evaluated, TEST: test}
    counts = {split: collections.Counter(dict(enumerate(rows))) for split, rows in given.items()}
    found = Survey(("good", "bad", "so-so"), counts=counts, lengths=[5])
    return [line for line in found.lines(128) if line.startswith("shares")]


def test_a_split_with_other_shares_than_train_is_named_with_its_figures():
    [line] = said([500, 400, 100], [10, 70, 20], [50, 40, 10])
    assert "good is 10.0% of eval and 50.0% of train" in line
    assert len(said([500, 400, 100], [10, 70, 20], [0, 0, 90])) == 2


@pytest.mark.parametrize(
    "evaluated",
    [
        [2, 6, 2],  # so few that chance may do it
        [440, 460, 100],  # surely other shares, and hardly so
        [0, 0, 0],  # none has a label
    ],
)
def test_chance_and_small_differences_are_not_named(evaluated):
    assert said([500, 400, 100], evaluated, [50, 40, 10]) == []


def test_splits_drawn_by_chance_are_not_named():
    draw = np.random.default_rng(1)
    for rows in (10, 30, 100) * 300:
        drawn = [draw.multinomial(rows, [0.5, 0.3, 0.2]).tolist() for _ in range(3)]
        assert said(*drawn) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model_type", "save", "unknown"),
    [
        ("bert", tokenizer_files.save_word_piece, 3),
        ("roberta", tokenizer_files.save_byte_level, None),
    ],
)
def test_the_pieces_that_a_vocabulary_lacks_are_counted_where_it_can_lack_any(
    model_type: str, save: Callable[..., Path], unknown: int | None, tmp_path: Path
):
    tokenizer = save(tmp_path / "tokenizer")
    read = vocabulary.read(tokenizer, model_type)
    preprocessor = str(tmp_path / "preprocessor")
    tf.saved_model.save(tokenization.preprocessor(read, 1, read.size, tokenizer), preprocessor)
    texts = [("\U00012000 film", 0), ("\U00013000", 1), ("文 a", 1)]
    others = [("film", 0), ("a film", 1)]
    name = str(data.store_dataset(tmp_path, train=texts, eval=others, test=others))
    chosen = DatasetOptions(name=name, train_split="train", eval_split="eval")
    assert survey(tfds_source.resolve(chosen), preprocessor).unknown == unknown
