"""Word vectors to start the embedding tables from: latent semantic analysis of the reviews.

From random embeddings a model this small spends its first ten million tokens on a plateau. Vectors
of which pieces share reviews serve a sentiment encoder better than vectors of which pieces stand
side by side (positive pointwise mutual information in a window of 5): see tools/README.md.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse

FREQUENCY_SCALE = 1e-3  # Arora, Liang & Ma 2017, "A Simple but Tough-to-Beat Baseline", section 4.


@dataclasses.dataclass(frozen=True)
class InitialEmbeddings:
    """Where the embedding tables start.

    Attributes:
      words: `[vocabulary, width]` float32.
      type: `[width]` float32, for every segment; orthogonal to all words.
    """

    words: np.ndarray
    type: np.ndarray


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


def factorize(matrix: scipy.sparse.csr_matrix, width: int, seed: int) -> np.ndarray:
    """Returns `[columns, width]`: right singular vectors times the square roots of their values."""
    from sklearn.utils.extmath import randomized_svd

    _, values, vectors = randomized_svd(matrix, n_components=width, random_state=seed)
    return vectors.T * np.sqrt(values)


def frequency_weights(counts: np.ndarray) -> np.ndarray:
    """Returns how much each piece says, 1 for rare ones: a / (a + p) with `FREQUENCY_SCALE`."""
    return FREQUENCY_SCALE / (FREQUENCY_SCALE + counts / counts.sum())


def initial_embeddings(
    tokens: np.ndarray,
    offsets: np.ndarray,
    vocabulary_size: int,
    width: int,
    *,
    deviation: float = 0.06,
    type_share: float = 0.2,
    seed: int = 0,
) -> InitialEmbeddings:
    """Makes the tables that pretraining starts from.

    A word's length says how much it counts. The layer norm after the embeddings would scale that
    away, so the type embedding adds one constant direction that no word has: what is short beside
    it stays short. A second direction, of equal components, is left empty because the layer norm
    removes it.

    Args:
      tokens: integer ids of all texts, one after the other.
      offsets: `[texts + 1]`, where each text begins and the last one ends.
      vocabulary_size: the number of pieces.
      width: the embedding width.
      deviation: the root mean square of a rare word's components.
      type_share: the length of the type embedding beside a rare word's.
      seed: of the factorisation and of the rotation.
    """
    counts = count_pieces(tokens, offsets, vocabulary_size)
    vectors = factorize(weigh_pieces(counts), width - 2, seed)
    directions = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    totals = np.asarray(counts.sum(axis=0)).ravel()
    weights = np.where(totals > 0, frequency_weights(totals), 0.0)
    basis = rotation(width, seed)
    length = deviation * np.sqrt(width)
    words = length * (directions * weights[:, np.newaxis]) @ basis[2:]
    segment = type_share * length * basis[1]
    return InitialEmbeddings(words.astype(np.float32), segment.astype(np.float32))


def rotation(width: int, seed: int) -> np.ndarray:
    """Returns `[width, width]`: random orthonormal rows, the first one of equal components."""
    random = np.random.default_rng(seed).normal(size=(width, width))
    random[:, 0] = 1.0
    return np.linalg.qr(random)[0].T
