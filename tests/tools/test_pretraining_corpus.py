import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

from albert_pretraining import corpus, word_vectors


def test_normalize_reads_as_the_exported_preprocessor_does():
    assert corpus.normalize("A  Naïve\nAmélie<br /><BR/>STRASSE ") == "a naive amelie strasse"


def test_texts_of_the_test_split_and_repeats_are_left_out_and_counted():
    texts = ["Good.", "A bad<br />film", "good.", "Never seen", "a BAD film"]
    kept, counts = corpus.exclude_test_texts(texts, ["a bad film", "another"])
    assert kept == ["good.", "never seen"]
    assert counts == corpus.CorpusCounts(read=5, in_test=2, duplicates=1, kept=2)


def test_load_pretraining_texts_counts_repeats_across_splits(monkeypatch):
    splits = {"test": ["t"], "train": ["a", "t", "b"], "unsupervised": ["B", "c", "c"]}
    monkeypatch.setattr(corpus, "load_split", lambda dataset, split: splits[split])
    kept, counts = corpus.load_pretraining_texts("reviews")
    assert kept == ["a", "b", "c"]
    assert counts["all"] == corpus.CorpusCounts(read=6, in_test=1, duplicates=2, kept=3)


def two_topics(texts: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts of pieces 5 to 9 or 10 to 14, each with piece 15, which is everywhere."""
    generator = np.random.default_rng(0)
    rows = [np.append(generator.integers(5, 10, 8) + 5 * (i % 2), [15, 15]) for i in range(texts)]
    return np.concatenate(rows), np.arange(0, 10 * texts + 1, 10)


def test_initial_embeddings_put_pieces_that_share_texts_together():
    tokens, offsets = two_topics(200)
    words = word_vectors.initial_embeddings(tokens, offsets, 17, 8)
    directions = words[5:15] / np.linalg.norm(words[5:15], axis=1, keepdims=True)
    likeness = directions @ directions.T
    same = np.kron(np.eye(2), np.ones((5, 5))).astype(bool)
    assert likeness[same].min() > likeness[~same].max()


def test_neighbours_are_counted_by_nearness_and_within_their_text():
    counts = word_vectors.count_neighbours(
        np.array([0, 1, 2, 3]), np.array([0, 3, 4]), vocabulary_size=4, window=2
    )
    expected: list[list[float]] = [[0, 1, 0.5, 0], [1, 0, 1, 0], [0.5, 1, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(counts.toarray(), expected)


def test_initial_embeddings_have_one_length_and_unseen_pieces_none():
    tokens, offsets = two_topics(200)
    lengths = np.linalg.norm(word_vectors.initial_embeddings(tokens, offsets, 17, 8), axis=1)
    np.testing.assert_allclose(lengths[5:16], 0.06 * np.sqrt(8), rtol=1e-5)
    assert not lengths[:5].any()
    assert lengths[16] == 0.0


def test_initial_embeddings_repeat_with_the_seed():
    tokens, offsets = two_topics(50)
    first, again, other = (
        word_vectors.initial_embeddings(tokens, offsets, 17, 8, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
