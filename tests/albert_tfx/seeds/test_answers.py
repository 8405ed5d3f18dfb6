import numpy as np
import pytest

from albert_tfx.data.words import text_hash
from albert_tfx.errors import InputError
from albert_tfx.seeds import answers
from albert_tfx.seeds.answers import Answers

TEXTS = [b"good film", b"a bad one, by far", b"so so"]
PROBABILITIES = np.array(
    [[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [[0.4, 0.6], [0.3, 0.7], [0.5, 0.5]]]
)


def test_answers_lie_in_the_order_of_their_texts_hashes():
    made = Answers.of(TEXTS, np.array([0, 1, 1]), PROBABILITIES)
    hashes = [text_hash(text) for text in TEXTS]
    order = np.argsort(hashes)
    assert made.hashes.tolist() == sorted(hashes)
    assert made.words.tolist() == np.array([2, 5, 2])[order].tolist()
    np.testing.assert_allclose(made.probabilities, PROBABILITIES[:, order], rtol=1e-6)
    assert made.right.tolist() == np.array([[1, 1, 0], [0, 1, 0]])[:, order].tolist()


def test_the_order_in_which_texts_were_read_does_not_matter():
    made = Answers.of(TEXTS, np.array([0, 1, 1]), PROBABILITIES)
    backwards = Answers.of(TEXTS[::-1], np.array([1, 1, 0]), PROBABILITIES[:, ::-1])
    made.require_same_texts(backwards)
    np.testing.assert_array_equal(made.probabilities, backwards.probabilities)


def test_what_is_saved_is_loaded(tmp_path):
    made = {
        split: Answers.of(TEXTS[:count], np.zeros(count, int), PROBABILITIES[:, :count])
        for split, count in (("eval", 3), ("test", 2))
    }
    answers.save(str(tmp_path), made)
    loaded = answers.load(str(tmp_path))
    assert list(loaded) == ["eval", "test"]
    for split, each in made.items():
        for field, array in vars(each).items():
            np.testing.assert_array_equal(getattr(loaded[split], field), array)


def test_answers_about_other_texts_are_not_paired():
    made = Answers.of(TEXTS, np.array([0, 1, 1]), PROBABILITIES)
    for other in (
        Answers.of([*TEXTS[:2], b"another"], np.array([0, 1, 1]), PROBABILITIES),
        Answers.of(TEXTS, np.array([1, 1, 1]), PROBABILITIES),
        Answers.of(TEXTS, np.array([0, 1, 1]), PROBABILITIES[:1]),
    ):
        with pytest.raises(InputError, match="not about the same texts"):
            made.require_same_texts(other)


def test_of_many_texts_a_sample_is_kept_which_does_not_depend_on_their_order(monkeypatch):
    monkeypatch.setattr(answers, "_MOST_TEXTS", 2)
    made = Answers.of(TEXTS, np.array([0, 1, 1]), PROBABILITIES)
    assert made.hashes.tolist() == sorted(map(text_hash, TEXTS))[:2]
    made.require_same_texts(Answers.of(TEXTS[::-1], np.array([1, 1, 0]), PROBABILITIES[:, ::-1]))
