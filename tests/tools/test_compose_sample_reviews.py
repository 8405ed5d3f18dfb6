"""The composed reviews are reproducible, clean, distinct and balanced."""

import json
import random
from collections import Counter

import compose_sample_reviews
import pytest
from sample_reviews import frames
from sample_reviews.aspects import ASPECTS
from sample_reviews.composer import (
    LABELS,
    CompositionOptions,
    Draft,
    ExhaustedError,
    SeenReviews,
    five_word_sequences,
    is_held_out,
    write_article,
    write_capitals,
    write_surnames,
)
from sample_reviews.lexicon import ADJECTIVES

OPTIONS = CompositionOptions()
COUNTS = {"train": 120, "test": 60}


@pytest.fixture(scope="module")
def splits():
    return compose_sample_reviews.compose_splits(OPTIONS, COUNTS)


@pytest.fixture(scope="module")
def reviews(splits):
    return [review for split in splits.values() for review in split]


def make_draft(verdict: str, seed: int = 3) -> Draft:
    return Draft(verdict, random.Random(seed), lambda phrase: True)


def test_same_seed_gives_the_same_reviews(splits):
    assert compose_sample_reviews.compose_splits(OPTIONS, COUNTS) == splits


def test_another_seed_gives_other_reviews(splits):
    other = compose_sample_reviews.compose_splits(CompositionOptions(seed=1), COUNTS)
    assert not {r.text for r in other["train"]} & {r.text for r in splits["train"]}


def test_splits_are_balanced(splits):
    for split, reviews in splits.items():
        half = COUNTS[split] // 2
        assert Counter(r.label for r in reviews) == {"negative": half, "positive": half}


def test_lengths_are_within_bounds(reviews):
    lengths = [len(review.text.split()) for review in reviews]
    assert min(lengths) >= OPTIONS.minimum_words
    assert max(lengths) <= OPTIONS.maximum_words


def test_no_two_reviews_share_most_of_their_words_in_order(reviews):
    sequences = [five_word_sequences(review.text) for review in reviews]
    for index, later in enumerate(sequences):
        for earlier in sequences[:index]:
            assert len(later & earlier) <= OPTIONS.maximum_overlap * len(later)


def test_reviews_hold_no_slot_and_no_stray_punctuation(reviews):
    for review in reviews:
        for trace in ("{", "}", "  ", " ,", " .", "..", ",,", ".,"):
            assert trace not in review.text


def test_single_words_are_never_held_out():
    assert not is_held_out("dull", percent=100)
    assert is_held_out("very dull", percent=100)


def test_training_reviews_use_no_held_out_frame(splits):
    pairs = [p for p in frames.MIRRORED_VERDICTS if is_held_out(p, OPTIONS.held_out_percent)]
    held_out = [text for pair in pairs for text in pair if "{" not in text]
    assert held_out
    for review in splits["train"]:
        assert not any(text in review.text for text in held_out)


@pytest.mark.parametrize("verdict", LABELS)
@pytest.mark.parametrize("frame", [*frames.VERDICTS, *frames.BALANCES, *frames.STATEMENTS])
def test_every_frame_can_be_filled(frame, verdict):
    sentence = make_draft(verdict).sentence(frame)
    assert "{" not in sentence
    assert sentence[0].isupper()


@pytest.mark.parametrize(("verdict", "opposite"), [LABELS, LABELS[::-1]])
def test_own_follows_the_verdict_and_against_does_not(verdict, opposite):
    sentence = make_draft(verdict).sentence("{own_adjective} {against_adjective}", agreement=0.0)
    own, against = sentence.lower().split()
    assert own in ADJECTIVES[verdict]
    assert against in ADJECTIVES[opposite]


@pytest.mark.parametrize(("agreement", "polarity"), [(1.0, "negative"), (0.0, "positive")])
def test_leaning_follows_the_agreement(agreement, polarity):
    draft = make_draft("negative")
    draft.sentence("{leaning_adjective}", agreement)
    assert draft.leaning == polarity


def test_a_review_speaks_of_no_aspect_twice():
    draft = make_draft("positive")
    clauses = [draft.sentence("{own_clause}") for _ in ASPECTS]
    assert len(set(clauses)) == len(ASPECTS)
    with pytest.raises(ExhaustedError, match="aspects"):
        draft.sentence("{own_clause}")


def test_seen_reviews_refuse_a_near_copy():
    seen = SeenReviews(maximum_overlap=0.5)
    assert seen.add("one two three four five six seven eight nine ten")
    assert not seen.add("one two three four five six seven eight nine eleven")
    assert seen.add("ten nine eight seven six five four three two one")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a honest and a dull film", "an honest and a dull film"),
        ("A elegant unit", "An elegant unit"),
        ("A Overcoat and a usher", "An Overcoat and an usher"),
        ("a one-act play, a used car", "a one-act play, a used car"),
    ],
)
def test_write_article(text, expected):
    assert write_article(text) == expected


def test_write_capitals_starts_sentences_but_not_clauses():
    assert write_capitals("one. two? three: four!") == "One. Two? Three: four!"


def test_write_surnames_keeps_the_first_mention():
    text = "Imre Orvane meets Tove Lind, and Imre Orvane stays."
    expected = "Imre Orvane meets Tove Lind, and Orvane stays."
    assert write_surnames(text, ["Imre Orvane", "Tove Lind"]) == expected


def test_main_writes_both_splits_and_leaves_nothing_partial(tmp_path):
    compose_sample_reviews.main(["--train", "6", "--test", "4", "--folder", str(tmp_path)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["test.jsonl", "train.jsonl"]
    lines = (tmp_path / "train.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6
    assert all(json.loads(line).keys() == {"text", "label"} for line in lines)


@pytest.mark.slow
def test_the_committed_reviews_are_what_the_tool_composes(tmp_path):
    compose_sample_reviews.main(["--folder", str(tmp_path)])
    for path in tmp_path.iterdir():
        committed = compose_sample_reviews.DEFAULT_FOLDER / path.name
        assert path.read_bytes() == committed.read_bytes()


def test_show_writes_nothing(tmp_path, capsys):
    folder = tmp_path / "none"
    compose_sample_reviews.main(
        ["--train", "6", "--test", "4", "--show", "2", "--folder", str(folder)]
    )
    assert capsys.readouterr().out.count("tive] ") == 2
    assert not folder.exists()
