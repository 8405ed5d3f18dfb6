"""Which texts are nearly the same, and that these meet in a band and look alike by sketch."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from albert_tfx.data.duplicates import similarity as text_similarity
from albert_tfx.data.duplicates.similarity import similarity
from albert_tfx.data.words import word_hashes, words

PROJECT = Path(__file__).parents[4]
LONG = " ".join(f"word{index}" for index in range(60))


def shingles(text_words: list[str]) -> np.ndarray:
    return text_similarity.shingles(word_hashes(text_words), np.array([len(text_words)]))[0]


def signature(text_shingles: np.ndarray) -> np.ndarray:
    return text_similarity.signatures(text_shingles, np.array([len(text_shingles)]))


def band_keys(text_shingles: np.ndarray) -> np.ndarray:
    return text_similarity.band_keys(signature(text_shingles))[0]


def set_similarity(one: str, other: str) -> float:
    """Computes the similarity from sets of word triples, with no hash anywhere."""
    one_set, other_set = (
        set(zip(*(words(text)[start:] for start in range(3)), strict=False))
        for text in (one, other)
    )
    return len(one_set & other_set) / len(one_set | other_set)


def share_a_band(one: str, other: str) -> bool:
    keys = [set(band_keys(shingles(words(text))).tolist()) for text in (one, other)]
    return bool(keys[0] & keys[1])


@pytest.mark.parametrize(
    "other",
    [LONG, LONG + " more", LONG.replace("word30", "another"), "word0 word1 word2", "nothing alike"],
)
def test_similarity_is_that_of_the_sets_of_word_triples(other):
    hashed = similarity(shingles(words(LONG)), shingles(words(other)))
    if len(words(other)) >= 3:
        assert hashed == pytest.approx(set_similarity(LONG, other))
    else:
        assert hashed == 0


def test_repeated_shingles_count_once():
    assert similarity(shingles(["ha"] * 50), shingles(["ha"] * 5)) == 1


@pytest.mark.parametrize("text", ["", "good", "good film"])
def test_a_text_without_three_words_has_no_shingle(text):
    assert len(shingles(words(text))) == 0
    assert similarity(shingles(words(text)), shingles(words(text))) == 0


def test_equal_shingles_share_all_bands_and_other_texts_none():
    keys = band_keys(shingles(words(LONG)))
    assert keys.tolist() == band_keys(shingles(words(LONG.upper()))).tolist()
    assert len(set(keys.tolist())) == text_similarity.BANDS
    assert not share_a_band(LONG, LONG.replace("word", "term"))


@pytest.mark.parametrize("jaccard", [0.3, 0.6, 0.8])
def test_texts_share_a_band_as_often_as_the_theory_says(jaccard):
    random = np.random.default_rng(seed=1)
    size, trials = 120, 400
    shared = round(2 * size * jaccard / (1 + jaccard))
    met = 0
    for _ in range(trials):
        numbers = random.integers(0, 2**64, 2 * size - shared, dtype=np.uint64)
        one, other = numbers[:size], numbers[size - shared :]
        assert similarity(one, other) == pytest.approx(jaccard, abs=0.01)
        met += bool(set(band_keys(one).tolist()) & set(band_keys(other).tolist()))
    expected = 1 - (1 - jaccard**text_similarity.ROWS) ** text_similarity.BANDS
    deviation = (expected * (1 - expected) / trials) ** 0.5
    assert met / trials == pytest.approx(expected, abs=5 * deviation + 0.01)


def test_hashes_are_the_same_in_every_process():
    """Python salts its own anew in each, so that one Beam worker would not know another's."""
    code = (
        "import numpy\n"
        "from albert_tfx.data.duplicates.similarity import band_keys, signatures\n"
        "from albert_tfx.data.words import word_hashes\n"
        f"hashes = word_hashes({words(LONG)!r})\n"
        "print(band_keys(signatures(hashes, numpy.array([len(hashes)]))).tolist())"
    )
    hashes = word_hashes(words(LONG))
    expected = str(text_similarity.band_keys(signature(hashes)).tolist())
    for salt in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": salt, "PYTHONPATH": str(PROJECT)}
        printed = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
        assert printed.strip() == expected


def test_one_character_apart_is_near_in_a_long_text_alone():
    changed = LONG.replace("word30", "word3O")
    assert similarity(shingles(words(LONG)), shingles(words(changed))) >= text_similarity.NEAR
    short, other = "this film is so good", "this film is so bad"
    assert similarity(shingles(words(short)), shingles(words(other))) < text_similarity.NEAR


def test_texts_of_a_block_have_the_shingles_and_signatures_that_each_has_alone():
    texts = [words(LONG), ["good"], [], ["a", "b", "c"], words(LONG)[5:], ["x", "y"]]
    ends = np.cumsum([len(text) for text in texts])
    found, counts = text_similarity.shingles(np.concatenate([*map(word_hashes, texts)]), ends)
    alone = [shingles(text) for text in texts]
    assert counts.tolist() == [len(each) for each in alone]
    assert found.tolist() == np.concatenate(alone).tolist()
    together = text_similarity.signatures(found, counts[counts > 0])
    assert together.tolist() == [signature(each)[0].tolist() for each in alone if len(each)]


@pytest.mark.parametrize("jaccard", [0.1, 0.5, 0.8, 0.95])
def test_a_sketch_tells_how_similar_texts_are(jaccard):
    random = np.random.default_rng(seed=2)
    size, trials = 120, 400
    shared = round(2 * size * jaccard / (1 + jaccard))
    numbers = random.integers(0, 2**64, [trials, 2 * size - shared], dtype=np.uint64)
    counts = np.full(trials, size)
    one, other = (
        text_similarity.sketches(text_similarity.signatures(part.ravel(), counts))
        for part in (numbers[:, :size], numbers[:, size - shared :])
    )
    found = text_similarity.sketched_similarity(one, other)
    alike = 0.25 + 0.75 * jaccard
    deviation = (alike * (1 - alike) / text_similarity.SKETCHED) ** 0.5 / 0.75
    assert found.mean() == pytest.approx(jaccard, abs=5 * deviation / trials**0.5 + 0.01)
    assert found.std() == pytest.approx(deviation, rel=0.25)


def test_of_near_texts_hardly_any_looks_unlike():
    alike = 0.25 + 0.75 * text_similarity.NEAR
    deviation = (alike * (1 - alike) / text_similarity.SKETCHED) ** 0.5 / 0.75
    assert text_similarity.NEAR - 4 * deviation >= text_similarity.PERHAPS_NEAR
