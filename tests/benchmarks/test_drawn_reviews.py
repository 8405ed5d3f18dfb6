from pathlib import Path

import drawn_reviews
import numpy as np
import pytest


def test_lengths_are_those_of_imdb():
    words = (drawn_reviews.draw_lengths(100_000, 100_000, seed=1) - 2) / 1.3
    assert np.mean(words) == pytest.approx(234, rel=0.02)
    assert np.median(words) == pytest.approx(174, rel=0.02)


def test_lengths_are_cut_to_the_longest():
    lengths = drawn_reviews.draw_lengths(1000, 256, seed=1)
    assert lengths.max() == 256
    assert lengths.min() >= 3
    assert 0.3 < np.mean(lengths == 256) < 0.6


def test_a_seed_draws_the_same_again():
    first, again, other = (drawn_reviews.draw_lengths(9, 256, seed).tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_ids_have_their_lengths_and_stand_between_start_and_end():
    batches = drawn_reviews.draw_ids([3, 8], vocabulary=10, seed=1)
    assert [len(ids) for ids in batches] == [3, 8]
    assert all((ids[0], ids[-1]) == (2, 3) for ids in batches)
    assert all(5 <= piece < 10 for ids in batches for piece in ids[1:-1])


def test_records_are_read_as_transformed_examples(tmp_path: Path):
    from albert_tfx.modeling import batches

    drawn_reviews.write_records([[2, 7, 3], [2, 8, 9, 3]], tmp_path / "reviews.gz")
    read = batches.read_token_ids([str(tmp_path / "*.gz")])
    assert [(ids.tolist(), label) for ids, label in read.as_numpy_iterator()] == [
        ([2, 7, 3, 0], 0),  # padded to the longest beside it
        ([2, 8, 9, 3], 1),
    ]


def test_a_data_set_gives_reviews_of_its_own_lengths():
    batches = drawn_reviews.real_ids("sample_reviews", "asset://albert_en_mini_preprocess", 5, 40)
    assert len(batches) == 5
    assert all(len(ids) <= 40 and (ids[0], ids[-1]) == (2, 3) for ids in batches)
    assert len({len(ids) for ids in batches}) > 1 or {len(ids) for ids in batches} == {40}
