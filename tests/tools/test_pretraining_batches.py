import numpy as np
import pytest
from albert_pretraining import batches
from albert_pretraining.vocabulary import CLS_ID, FIRST_WORD_ID, MASK_ID, SEP_ID

from tests.support.pretraining import OPTIONS, SIZE, ToyVocabulary, corpus


def source(seed: int = 1) -> batches.BatchSource:
    return batches.BatchSource(*corpus(shortest=4), ToyVocabulary(), OPTIONS, seed)


def original_ids(batch: batches.Batch) -> np.ndarray:
    """Undoes the masking."""
    ids = batch["input_word_ids"].copy()
    rows, columns = np.nonzero(batch["masked_weights"])
    ids[rows, batch["masked_positions"][rows, columns]] = batch["masked_ids"][rows, columns]
    return ids


def test_windows_cover_every_token_and_stay_in_their_text():
    offsets = np.array([0, 5, 35, 60, 160])
    windows = batches.list_windows(offsets, width=30)
    covered = np.zeros(160, bool)
    for start, text in windows:
        end = min(start + 30, offsets[text + 1])
        assert offsets[text] <= start < end
        covered[start:end] = True
    assert covered[5:].all()
    assert not covered[:5].any()  # too short


def test_segments_part_after_a_sentence_near_the_middle():
    ends = np.zeros(40, bool)
    ends[[4, 19, 39]] = True
    generator = np.random.default_rng(0)
    assert {batches.split_point(ends, generator) for _ in range(50)} <= {5, 20}
    assert 1 <= batches.split_point(np.zeros(2, bool), generator) < 2


def test_masked_places_are_whole_words_within_the_budget():
    starts = np.arange(200) % 2 == 0
    for seed in range(20):
        chosen = batches.choose_masked(starts, 30, np.random.default_rng(seed))
        assert len(chosen) == 30
        assert set(chosen) == {place // 2 * 2 + half for place in chosen for half in (0, 1)}


def test_masked_runs_are_as_long_as_albert_draws_them():
    generator = np.random.default_rng(0)
    runs = [0, 0, 0]
    for _ in range(3000):
        chosen = batches.choose_masked(np.ones(1000, bool), 3, generator)
        first = int(np.argmax(np.diff(np.append(chosen, 10_000)) > 1)) + 1
        runs[first - 1] += 1
    # A run of 3 spends the whole budget; of the others some are cut short by what is left of it.
    assert runs[2] / sum(runs) == pytest.approx(2 / 11, abs=0.03)


def test_masked_tokens_are_replaced_in_albert_s_proportions():
    tokens = np.full(50_000, 50)
    replaced = batches.corrupt(tokens, SIZE, np.random.default_rng(0))
    assert (replaced == MASK_ID).mean() == pytest.approx(0.8, abs=0.01)
    assert (replaced == 50).mean() == pytest.approx(0.1 + 0.1 / 100, abs=0.01)
    assert replaced[replaced != MASK_ID].min() >= FIRST_WORD_ID


def test_batches_have_static_shapes_by_length():
    for step, length, rows in ((0, 32, 4), (3, 64, 2)):
        batch = source().batch(step)
        assert batch["input_word_ids"].shape == (rows, length)
        assert batch["masked_ids"].shape == (rows, round(0.15 * length))
        assert batch["document_words"].shape == (rows, 32)


def test_swapped_segments_put_back_in_order_are_a_window_of_the_corpus():
    made = source()
    corpus = made._tokens.tolist()
    seen = set()
    for step in range(6):
        batch = made.batch(step)
        rows = zip(original_ids(batch), batch["input_type_ids"], batch["is_ordered"], strict=True)
        for ids, segment_types, is_ordered in rows:
            assert ids[0] == CLS_ID
            first_end, second_end = np.flatnonzero(ids == SEP_ID)
            segments = [ids[1:first_end].tolist(), ids[first_end + 1 : second_end].tolist()]
            assert segment_types[: first_end + 1].max() == 0
            assert segment_types[first_end + 1 : second_end + 1].min() == 1
            first, second = segments if is_ordered else segments[::-1]
            window = first + second
            assert window in [corpus[i : i + len(window)] for i in range(len(corpus))]
            seen.add(int(is_ordered))
    assert seen == {0, 1}


def test_segments_are_swapped_half_of_the_time():
    made = source()
    ordered = np.concatenate([made.batch(step)["is_ordered"] for step in range(200)])
    assert ordered.mean() == pytest.approx(0.5, abs=0.06)


def test_special_tokens_and_padding_are_never_masked():
    batch = source().batch(0)
    rows, columns = np.nonzero(batch["masked_weights"])
    places = batch["masked_positions"][rows, columns]
    assert (original_ids(batch)[rows, places] >= FIRST_WORD_ID).all()
    assert (batch["input_mask"][rows, places] == 1).all()


def test_a_batch_depends_on_its_number_and_the_seed_alone():
    made = source()
    made.batch(40)
    for key, value in source().batch(7).items():
        np.testing.assert_array_equal(made.batch(7)[key], value)
    assert (source(seed=2).batch(7)["input_word_ids"] != made.batch(7)["input_word_ids"]).any()


def test_an_epoch_shows_every_long_window_once():
    _, offsets = corpus(shortest=4)
    windows = batches.list_windows(
        offsets, OPTIONS.long_length - batches.SPECIAL_TOKENS, OPTIONS.minimum_long_tokens
    )
    order = batches.WindowOrder(offsets, OPTIONS, seed=1)
    steps = [step for step in range(400) if OPTIONS.length(step) == OPTIONS.long_length]
    drawn = np.concatenate([order.batch(step) for step in steps]).tolist()
    assert sorted(drawn[: len(windows)]) == sorted(windows.tolist())


def test_prefetch_yields_every_step_in_order():
    steps = range(3, 12)
    yielded = list(batches.prefetch(lambda step: {"step": np.array(step)}, steps))
    assert [step for step, _ in yielded] == list(steps)
    assert [int(batch["step"]) for _, batch in yielded] == list(steps)


def test_frequent_pieces_are_seldom_document_words():
    counts = np.full(SIZE, 10.0)
    counts[50] = 1e6
    weights = batches.subsampling_weights(counts)
    assert weights[50] < 0.02
    assert weights[60] == 1.0
    assert not weights[:FIRST_WORD_ID].any()
