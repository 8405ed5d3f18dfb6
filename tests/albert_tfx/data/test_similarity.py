"""Which texts are the same, which are nearly so, and that the near ones meet in a band."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from albert_tfx.data import similarity as text_similarity
from albert_tfx.data.similarity import band_keys, digest, shingles, similarity, words

PROJECT = Path(__file__).parents[3]
LONG = " ".join(f"word{index}" for index in range(60))


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
    ("text", "expected"),
    [
        ("A  Film,\tWELL made.\n", ["a", "film", "well", "made"]),
        ("So bad<br /><br>so<BR/>good", ["so", "bad", "so", "good"]),
        ("Straße “naïve” … ﬁlm", ["strasse", "naïve", "film"]),
        ("nai\u0308ve", ["naïve"]),
        ("बहुत अच्छी।", ["बहुत", "अच्छी"]),
        ("great 👍", ["great", "👍"]),
        (":)", [":)"]),
        ("", [""]),
        (" <br /> ", [""]),
    ],
)
def test_words_are_what_is_left_without_case_breaks_and_punctuation(text, expected):
    assert words(text) == expected


def test_digests_differ_where_words_do():
    texts = ["", ":)", ":(", "good", "good film", "goodfilm", "film good", "great 👍", "great 👎"]
    assert len({digest(words(text)) for text in texts}) == len(texts)
    assert digest(words("Good film!")) == digest(words("good<br />FILM"))


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
def test_a_text_without_three_words_has_no_shingle_and_no_band(text):
    assert len(shingles(words(text))) == 0
    assert len(band_keys(shingles(words(text)))) == 0
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
        "from albert_tfx.data.similarity import band_keys, shingles, words\n"
        f"print(band_keys(shingles(words({LONG!r}))).tolist())"
    )
    expected = str(band_keys(shingles(words(LONG))).tolist())
    for salt in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": salt, "PYTHONPATH": str(PROJECT)}
        printed = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
        assert printed.strip() == expected


def test_one_character_apart_is_near_in_a_long_text_alone():
    changed = LONG.replace("word30", "word3O")
    assert similarity(shingles(words(LONG)), shingles(words(changed))) >= text_similarity.NEAR
    short, other = "this film is so good", "this film is so bad"
    assert similarity(shingles(words(short)), shingles(words(other))) < text_similarity.NEAR
