import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

pytest.importorskip("official.nlp", reason="needs the tools environment: tools/README.md")

import tensorflow as tf
from albert_pretraining import batches, curve, preparation, pretrainer, training, word_vectors

from tests.support.pretraining import SHAPE, ToyVocabulary

SIZE = SHAPE.vocabulary_size
BATCHES = batches.BatchOptions(
    short_length=16, long_length=32, tokens_per_batch=64, long_every=4, minimum_long_tokens=20
)


@pytest.fixture(scope="module")
def corpus() -> preparation.PreparedCorpus:
    generator = np.random.default_rng(0)
    tokens = generator.integers(5, SIZE, 900).astype(np.uint16)
    offsets = np.arange(0, 901, 30)
    return preparation.PreparedCorpus(
        vocabulary=ToyVocabulary(SIZE),
        tokens=tokens,
        offsets=offsets,
        held_out_tokens=tokens,
        held_out_offsets=offsets,
        embeddings=word_vectors.initial_embeddings(tokens, offsets, SIZE, SHAPE.word_width),
        counts={},
    )


def train(corpus, folder, steps: int, **options) -> list[np.ndarray]:
    folder.mkdir(exist_ok=True)
    settings = training.TrainingOptions(
        tokens=64 * steps, tokens_per_step=64, log_every=2, held_out_batches=1, **options
    )
    updates = pretrainer.UpdateOptions()
    training.train(corpus, folder, settings, shape=SHAPE, batches=BATCHES, updates=updates)
    model = training.build_pretrainer(corpus, SHAPE, updates, seed=9)
    assert training.restore_latest(folder, model) == steps
    return [weight.numpy() for weight in model.encoder.weights]


def test_the_encoder_starts_as_an_average_of_word_vectors(corpus):
    model = training.build_pretrainer(corpus, SHAPE, pretrainer.UpdateOptions(), seed=1)
    ids = np.repeat(np.arange(5, 35)[:, np.newaxis], 16, axis=1).astype(np.int32)
    inputs = [tf.constant(ids), tf.ones_like(ids), tf.zeros_like(ids)]
    means = model.encoder(inputs)["sequence_output"].numpy().mean(axis=1)
    words = corpus.embeddings[5:35]
    likeness = np.corrcoef(np.corrcoef(means).ravel(), np.corrcoef(words).ravel())[0, 1]
    assert likeness > 0.8


def test_the_heads_start_by_looking_at_the_neighbours(corpus):
    model = training.build_pretrainer(corpus, SHAPE, pretrainer.UpdateOptions(), seed=1)
    ids = np.random.default_rng(0).integers(5, SIZE, (1, 16)).astype(np.int32)

    def first_layer(ids):
        inputs = [tf.constant(ids), tf.ones_like(ids), tf.zeros_like(ids)]
        return model.encoder(inputs)["encoder_outputs"][0].numpy()[0]

    change = {}
    for place in (6, 7, 8, 12):
        altered = ids.copy()
        altered[0, place] = ids[0, place] % (SIZE - 5) + 5
        change[place] = np.linalg.norm(first_layer(altered)[7] - first_layer(ids)[7])
    assert min(change[6], change[8]) > 3 * change[12]


def test_an_interrupted_training_ends_as_an_uninterrupted_one(corpus, tmp_path, monkeypatch):
    whole = train(corpus, tmp_path / "whole", steps=6)
    step = training.Trainer._step

    def interrupt(self, model, number, batch):
        if number == 4:
            raise KeyboardInterrupt
        return step(self, model, number, batch)

    monkeypatch.setattr(training.Trainer, "_step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(corpus, tmp_path / "parts", steps=6, save_every=2)
    monkeypatch.setattr(training.Trainer, "_step", step)
    parts = train(corpus, tmp_path / "parts", steps=6, save_every=2)
    for left, right in zip(whole, parts, strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6)
    rows = curve.read_curve(tmp_path / "parts" / curve.CURVE_FILE)
    assert [row["step"] for row in rows] == ["0", "2", "4", "6"]


def test_a_larger_budget_goes_on_from_before_the_decay(corpus, tmp_path, capsys):
    train(corpus, tmp_path, steps=8)
    extended = train(corpus, tmp_path, steps=12)
    assert "step 6 of 12" in capsys.readouterr().out
    at_once = train(corpus, tmp_path / "at_once", steps=12)
    for left, right in zip(extended, at_once, strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6)


def test_a_smaller_budget_than_spent_is_refused(corpus, tmp_path):
    train(corpus, tmp_path, steps=8)
    with pytest.raises(ValueError, match="--tokens allows only 4"):
        train(corpus, tmp_path, steps=4)
