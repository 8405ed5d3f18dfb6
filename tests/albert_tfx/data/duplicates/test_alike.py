"""Which texts have the words of earlier ones, or nearly, and what a crowd of them costs."""

import collections
import itertools

import numpy as np
import pytest

from albert_tfx.data.duplicates import alike, similarity
from albert_tfx.data.duplicates.blocks import TextBlock, gathered
from albert_tfx.data.duplicates.findings import EXACT
from albert_tfx.data.duplicates.places import place, split_of

NONE = b""


def block(texts: list[str], split: int = 2, file: int = 0, first: int = 0) -> TextBlock:
    rows = np.arange(first, first + len(texts))
    return TextBlock.of(place((split, file), rows), texts, [0] * len(texts))


def grouped(pieces) -> list[tuple[int, list[bytes]]]:
    """Groups pieces by shard, as Beam does."""
    shards = collections.defaultdict(list)
    for shard, piece in pieces:
        shards[shard].append(piece)
    return [*shards.items()]


def pairs_of(blocks: list[TextBlock], repeats: bytes = NONE) -> list[tuple[int, int]]:
    """Returns the pairs that would be read again."""
    signed = [alike._signatures(each) for each in blocks]
    sketches = alike._sorted_sketches([alike._sketches(*each) for each in reversed(signed)])
    buckets = grouped(piece for each in signed for piece in alike._bands(*each))
    found = grouped(
        piece for shard in buckets for piece in alike._candidates(shard, repeats, sketches)
    )
    pieces = [piece for shard in found for _, piece in alike._nearest(shard)]
    return [(earlier, later) for later, earlier in gathered(pieces, 2).tolist()]


def text_of(*words: int) -> str:
    return " ".join(f"w{word}" for word in words)


def near_ones(count: int) -> list[str]:
    """Returns texts of 200 words, of which each has another one for one of a hundred."""
    return [text_of(*range(100), 1000 + index, *range(101, 200)) for index in range(count)]


@pytest.mark.parametrize("at_once", [1 << 18, 1000])
def test_a_crowd_of_near_texts_is_found_by_few_pairs(monkeypatch, at_once):
    monkeypatch.setattr(alike, "_PAIRS_AT_ONCE", at_once)
    texts = near_ones(300)
    pairs = pairs_of([block(texts[:120]), block(texts[120:], first=120)])
    assert {later for _, later in pairs} == set(place((2, 0), np.arange(1, 300)).tolist())
    assert all(earlier < later for earlier, later in pairs)
    assert len(pairs) <= alike._MOST_READ * 300


def test_each_split_of_the_original_has_its_own_pair():
    blocks = [block(near_ones(3)[split : split + 1], split) for split in range(3)]
    pairs = pairs_of(blocks)
    assert [tuple(map(split_of, pair)) for pair in sorted(pairs)] == [(0, 1), (0, 2), (1, 2)]


def test_of_texts_that_share_a_bucket_those_alike_are_read_again():
    """At a similarity of a third, one pair of sixteen shares a band, and none is near."""
    random = np.random.default_rng(seed=4)
    shared = 200
    texts = [text_of(*range(shared), *random.integers(1000, 10**9, shared)) for _ in range(40)]
    blocks = [block([text, text + " more"], file=number) for number, text in enumerate(texts)]
    buckets = grouped(p for each in blocks for p in alike._bands(*alike._signatures(each)))
    met = set()
    for _, pieces in buckets:
        rows = gathered(pieces, 2).tolist()
        for _, same in itertools.groupby(rows, lambda row: row[0]):
            met |= set(itertools.combinations([at for _, at in same], 2))
    pairs = pairs_of(blocks)
    assert len(met) > 100
    assert {(place((2, n), 0), place((2, n), 1)) for n in range(40)} <= set(pairs)
    assert len(pairs) < 60


def test_a_repeated_text_is_not_compared_again():
    texts = near_ones(3)
    blocks = [block([texts[0], texts[0], texts[1]])]
    again = np.array([1], np.int64) + place((2, 0), 0)
    assert {later for _, later in pairs_of(blocks, again.tobytes())} == {place((2, 0), 2)}


def test_the_same_words_are_found_in_whatever_block():
    texts = ["Good film!", "good FILM", "another", "good film"]
    shards = grouped(
        piece
        for split, text in enumerate([texts[:1], texts[1:3], texts[3:]])
        for piece in alike._digests(block(text, split))
    )
    exact = [each for shard in shards for each in alike._exact_duplicates(shard)]
    first, second, third = (place((split, 0), 0) for split in range(3))
    found = {(each.text, each.original) for each in exact}
    assert found == {(second, first), (third, first), (third, second)}
    assert {each.kind for each in exact} == {EXACT}
    repeats = alike._sorted_numbers([piece for shard in shards for piece in alike._repeats(shard)])
    assert np.frombuffer(repeats, np.int64).tolist() == [second, third]


def test_texts_too_short_for_a_shingle_have_no_band():
    assert pairs_of([block(["good", "good film", ""]), block(["bad"], file=1)]) == []
    assert len(similarity.band_keys(np.zeros([0, 80], np.uint64))) == 0
