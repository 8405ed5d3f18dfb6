import numpy as np
import pytest

pytest.importorskip("torch", reason="needs PyTorch: tools/README.md")

import torch
from albert_pretraining.batches import BatchOptions
from albert_pretraining.pytorch import batches
from albert_pretraining.vocabulary import CLS_ID, PAD_ID, SEP_ID

from tests.support.pretraining import OPTIONS, ToyVocabulary, corpus


def source(
    seed: int = 1, options: BatchOptions = OPTIONS, longest: int = 120
) -> batches.BatchSource:
    return batches.BatchSource(*corpus(9, longest), ToyVocabulary(), options, seed)


def test_rows_have_the_length_of_their_step():
    assert source().batch(0).ids.shape == (4, 32)
    assert source().batch(3).ids.shape == (2, 64)


def test_places_name_the_tokens_and_the_segments_are_a_window_in_one_of_two_orders():
    made = source()
    tokens = made._tokens.tolist()
    seen = set()
    for step in range(8):
        batch = made.batch(step)
        for ids, places, segments, is_ordered in zip(
            batch.ids.tolist(),
            batch.places.tolist(),
            batch.segments.tolist(),
            batch.is_ordered.tolist(),
            strict=True,
        ):
            assert ids[0] == CLS_ID
            first_end, second_end = (i for i, token in enumerate(ids) if token == SEP_ID)
            parts = [places[1:first_end], places[first_end + 1 : second_end]]
            assert all(parts)
            for place, token in zip(places, ids, strict=True):
                assert place == batches.NO_PLACE or tokens[place] == token
            joined = parts[0] + parts[1] if is_ordered else parts[1] + parts[0]
            assert joined == list(range(joined[0], joined[0] + len(joined)))
            assert set(ids[second_end + 1 :]) <= {PAD_ID}
            assert segments[: first_end + 1] == [0] * (first_end + 1)
            assert segments[first_end + 1 : second_end + 1] == [1] * (second_end - first_end)
            seen.add(is_ordered)
    assert seen == {0, 1}


def test_the_first_segment_ends_with_a_sentence_where_there_is_one():
    made = source()
    batch = made.batch(0)
    for row, is_ordered in enumerate(batch.is_ordered.tolist()):
        places = batch.places[row][batch.segments[row] == (0 if is_ordered else 1)]
        last = int(places[places >= 0][-1])
        window = batch.places[row][batch.places[row] >= 0]
        ends = made._ends_sentence[made._tokens[window].long()][:-1]
        assert not ends.any() or bool(made._ends_sentence[made._tokens[last].long()])


def test_chosen_places_are_whole_words_of_the_text_at_albert_s_rate():
    options = BatchOptions(short_length=256, long_length=512, tokens_per_batch=65536)
    batch = source(options=options, longest=700).batch(0)
    is_word = batch.places >= 0
    assert not batch.chosen[~is_word].any()
    assert float(batch.chosen[is_word].float().mean()) == pytest.approx(0.15, abs=0.015)
    follows = is_word[:, 1:] & is_word[:, :-1] & (batch.ids[:, 1:] % 2 == 1)
    assert torch.equal(batch.chosen[:, 1:][follows], batch.chosen[:, :-1][follows])


def test_document_words_are_of_the_row_s_review():
    made = source()
    batch = made.batch(0)
    for places, words in zip(batch.places, batch.document_words, strict=True):
        text = int(np.searchsorted(made._offsets.numpy(), int(places.max()), side="right")) - 1
        begin, end = made._offsets[text], made._offsets[text + 1]
        assert set(words.tolist()) - {PAD_ID} <= set(made._tokens[begin:end].tolist())


def test_a_batch_depends_on_its_number_and_the_seed_alone():
    made = source()
    made.batch(40)
    again, other = source().batch(7), source(seed=2).batch(7)
    for name in ("ids", "places", "chosen", "is_ordered", "document_words"):
        assert torch.equal(getattr(made.batch(7), name), getattr(again, name))
    assert not torch.equal(again.ids, other.ids)


def test_parts_of_a_batch_are_its_rows():
    batch = source().batch(0)
    parts = batch.split(3)
    assert torch.equal(torch.cat([part.ids for part in parts]), batch.ids)
    assert [len(part.is_ordered) for part in parts] == [2, 1, 1]
