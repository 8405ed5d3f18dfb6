"""Word vectors to start the embedding table from: what shares reviews, and what occurs nearby.

From random embeddings a model this small spends its first ten million tokens on a plateau. Of each
vector one part is latent semantic analysis (which reviews a piece occurs in), which serves a
sentiment encoder best; the other is pointwise mutual information with near neighbours, which
predicting masked words learns from soonest. Both are measured in tools/README.md.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse

CONTEXT_SMOOTHING = 0.75  # Levy, Goldberg & Dagan 2015, section 3.2.


def count_pieces(
    tokens: np.ndarray, offsets: np.ndarray, vocabulary_size: int
) -> scipy.sparse.csr_matrix:
    """Counts every piece in every text.

    Args:
      tokens: integer ids of all texts, one after the other.
      offsets: `[texts + 1]`, where each text begins and the last one ends.
      vocabulary_size: the number of pieces.

    Returns:
      `[texts, vocabulary_size]` float32.
    """
    text_of_token = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    ones = np.ones(len(tokens), np.float32)
    shape = (len(offsets) - 1, vocabulary_size)
    return scipy.sparse.csr_matrix((ones, (text_of_token, tokens)), shape=shape)


def weigh_pieces(counts: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """Returns log counts times inverse document frequency, every text scaled to length 1."""
    from sklearn.feature_extraction.text import TfidfTransformer

    transformer = TfidfTransformer(sublinear_tf=True, smooth_idf=True)
    return transformer.fit_transform(counts).astype(np.float32)


def count_neighbours(
    tokens: np.ndarray, offsets: np.ndarray, vocabulary_size: int, window: int
) -> scipy.sparse.csr_matrix:
    """Counts how often two pieces stand within `window` places of each other in one text.

    Args:
      tokens: integer ids of all texts, one after the other.
      offsets: `[texts + 1]`, where each text begins and the last one ends.
      vocabulary_size: the number of pieces.
      window: the largest distance counted.

    Returns:
      `[vocabulary_size, vocabulary_size]`, symmetric; nearer pairs weigh more (1 / distance).
    """
    text_of_token = np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))
    shape = (vocabulary_size, vocabulary_size)
    counts = scipy.sparse.csr_matrix(shape, dtype=np.float32)
    for distance in range(1, window + 1):
        is_same_text = text_of_token[distance:] == text_of_token[:-distance]
        pairs = (tokens[:-distance][is_same_text], tokens[distance:][is_same_text])
        weights = np.full(len(pairs[0]), 1.0 / distance, np.float32)
        counts += scipy.sparse.coo_matrix((weights, pairs), shape=shape).tocsr()
    return (counts + counts.T).tocsr()


def positive_pmi(counts: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """Returns max(0, log p(a, b) / (p(a) p(b))), contexts smoothed, as a sparse matrix."""
    cells = counts.tocoo()
    words = np.asarray(counts.sum(axis=1)).ravel()
    contexts = np.asarray(counts.sum(axis=0)).ravel() ** CONTEXT_SMOOTHING
    expected = words[cells.row] * (contexts / contexts.sum())[cells.col]
    values = np.maximum(0.0, np.log(cells.data / expected)).astype(np.float32)
    matrix = scipy.sparse.csr_matrix((values, (cells.row, cells.col)), shape=counts.shape)
    matrix.eliminate_zeros()
    return matrix


def factorize(matrix: scipy.sparse.csr_matrix, width: int, seed: int) -> np.ndarray:
    """Returns `[columns, width]`: right singular vectors by the square roots of their values.

    Every row is scaled to length 1, or is zero where the column is.
    """
    from sklearn.utils.extmath import randomized_svd

    _, values, vectors = randomized_svd(matrix, n_components=width, random_state=seed)
    rows = vectors.T * np.sqrt(values)
    is_empty = np.asarray(matrix.sum(axis=0)).reshape(-1, 1) == 0
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return np.where(is_empty, 0.0, rows / lengths)


def initial_embeddings(
    tokens: np.ndarray,
    offsets: np.ndarray,
    vocabulary_size: int,
    width: int,
    *,
    topic_share: float = 0.625,
    window: int = 5,
    deviation: float = 0.06,
    seed: int = 0,
) -> np.ndarray:
    """Makes the embedding table that pretraining starts from.

    Every row has one length, so that position embeddings (deviation 0.02) drown no word; the rows
    of pieces never seen are zero. A rotation spreads what singular vectors hold over components.

    Args:
      tokens: integer ids of all texts, one after the other.
      offsets: `[texts + 1]`, where each text begins and the last one ends.
      vocabulary_size: the number of pieces.
      width: the embedding width.
      topic_share: how much of the width, and of a row's square, says which texts a piece is in.
      window: the largest distance of two neighbours.
      deviation: the root mean square of a row's components.
      seed: of the factorisations and of the rotation.

    Returns:
      `[vocabulary_size, width]` float32.
    """
    topics = round(topic_share * width)
    counts = weigh_pieces(count_pieces(tokens, offsets, vocabulary_size))
    neighbours = positive_pmi(count_neighbours(tokens, offsets, vocabulary_size, window))
    rows = np.hstack(
        [
            np.sqrt(topics) * factorize(counts, topics, seed),
            np.sqrt(width - topics) * factorize(neighbours, width - topics, seed),
        ]
    )
    return (deviation * rows @ random_rotation(width, seed)).astype(np.float32)


def random_rotation(width: int, seed: int) -> np.ndarray:
    """Returns a random orthonormal `[width, width]` matrix."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]
