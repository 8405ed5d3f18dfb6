import dataclasses
import itertools
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from apache_beam.utils import shared

from albert_tfx import progress
from albert_tfx.encoders.resolution import Description
from albert_tfx.errors import InputError
from albert_tfx.modeling import encoder
from albert_tfx.modeling.encoder import EmbedReviews, PooledEncoder
from albert_tfx.options import EmbeddingOptions
from pipelines.presets import MINI_ENCODER, MINI_PREPROCESSOR
from tests.support import hugging_face, models, summaries


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return models.save_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.mark.slow
def test_the_embedded_pair_fits():
    encoder.check(MINI_ENCODER, MINI_PREPROCESSOR, 512, "pooled_output")


def test_a_length_beyond_the_positions_is_refused():
    with pytest.raises(InputError, match="513 exceeds the 512 positions"):
        encoder.check(MINI_ENCODER, MINI_PREPROCESSOR, 513, "mean")


@pytest.mark.slow
def test_another_vocabulary_is_refused(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(models, "VOCABULARY_SIZE", 7999)
    other = models.save_encoder(tmp_path / "other")
    with pytest.raises(InputError, match=r"no embedding for the 8,000 tokens.*7,999 rows"):
        encoder.check(other, MINI_PREPROCESSOR, 32, "mean")


def test_an_encoder_is_no_preprocessor(tiny: str):
    with pytest.raises(InputError, match="no text preprocessing model"):
        encoder.check(tiny, tiny, 32, "mean")


@pytest.mark.slow
def test_the_positions_of_a_bert_are_seen_where_other_matrices_are_as_wide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(models, "WIDTH", 48)
    wide = models.save_encoder(tmp_path / "wide")
    with pytest.raises(InputError, match="65 exceeds the 64 positions"):
        encoder.check(wide, MINI_PREPROCESSOR, 65, "mean")


@pytest.mark.slow
def test_pooled_output_is_refused_of_an_encoder_without_it(tmp_path: Path):
    headless = models.save_encoder(tmp_path / "headless", has_pooler=False)
    assert not encoder.check(headless, MINI_PREPROCESSOR, 64, "mean").has_pooled_output
    with pytest.raises(InputError, match=r"has no pooler.*Leave --pooling out"):
        encoder.check(headless, MINI_PREPROCESSOR, 64, "pooled_output")


def test_bfloat16_is_refused_of_an_encoder_whose_layers_are_not_known(tiny: str):
    refused = r"cannot compute in bfloat16.*Leave --inference-precision out"
    with pytest.raises(InputError, match=refused):
        encoder.check(tiny, MINI_PREPROCESSOR, 32, "mean", "bfloat16")
    with pytest.raises(InputError, match=refused):
        PooledEncoder(tiny, "mean", trainable=False, inference_precision="bfloat16")


@pytest.mark.slow
def test_bfloat16_can_be_had_of_the_embedded_encoder():
    encoder.check(MINI_ENCODER, MINI_PREPROCESSOR, 512, "mean", "bfloat16")


@pytest.mark.slow
@pytest.mark.parametrize("model_type", hugging_face.CONFIGS)
def test_bfloat16_can_be_had_of_a_converted_encoder(tmp_path: Path, model_type: str):
    source = str(hugging_face.save(tmp_path / "source", model_type))
    encoder.check(source, source, 12, "mean", "bfloat16")
    exact, rounded = (
        PooledEncoder(source, "mean", True, inference_precision=each)(tf.constant([[2, 5, 6, 3]]))
        for each in ("float32", "bfloat16")
    )
    assert 1e-6 < np.abs(exact - rounded).max() < 0.05


def known(**facts: Any) -> Description:
    return dataclasses.replace(summaries.ENCODER, **facts)


@pytest.mark.parametrize(
    ("asked", "stated", "expected"),
    [
        ("auto", "mean", "mean"),
        ("auto", "cls", "cls"),
        ("mean", "cls", "mean"),
        ("pooled_output", "max", "pooled_output"),
    ],
)
def test_the_pooling_is_what_the_folder_states_unless_asked_for(asked, stated, expected):
    assert encoder.require_fit(known(pooling=stated), 32, asked) == expected


@pytest.mark.parametrize("stated", ["max", "mean+cls"])
def test_a_pooling_that_is_not_supported_is_refused_by_name(stated: str):
    with pytest.raises(InputError, match=rf"with {re.escape(stated)} pooling.*--pooling mean or"):
        encoder.require_fit(known(pooling=stated), 32, "auto")


def test_another_pooling_than_the_mean_is_said():
    assert str(known(pooling="cls")).endswith("512 positions, pooling cls")
    assert str(known()).endswith("512 positions")


def test_masked_mean_leaves_the_padding_out():
    sequence = tf.constant([[[1.0, 3.0], [3.0, 5.0], [99.0, 99.0]]])
    mask = tf.constant([[1, 1, 0]])
    np.testing.assert_array_equal(encoder.masked_mean(sequence, mask), [[2.0, 4.0]])


@pytest.mark.parametrize("pooling", ["mean", "pooled_output"])
def test_padding_does_not_change_a_vector(pooling: str):
    pooled = PooledEncoder(MINI_ENCODER, pooling, trainable=False)
    ids = tf.constant([[2, 50, 60, 70, 3]])
    padded = tf.pad(ids, [[0, 0], [0, 59]])
    np.testing.assert_allclose(pooled(ids), pooled(padded), atol=1e-5)


def test_only_a_trainable_encoder_has_trainable_variables(tiny: str):
    assert PooledEncoder(tiny, "mean", trainable=True).trainable_variables
    assert not PooledEncoder(tiny, "mean", trainable=False).trainable_variables


def is_last(name: str) -> bool:
    return "layer_1/" in name or "pooler/" in name


@pytest.mark.slow
def test_the_last_layers_alone_are_trained_and_the_others_kept(tmp_path: Path):
    source = str(hugging_face.save(tmp_path / "source", "bert"))
    encoder.check(source, source, 12, "mean", unfreeze=1)
    whole, last = (PooledEncoder(source, "mean", True, unfreeze=each) for each in (None, 1))
    assert {each.name for each in last.weights} == {each.name for each in whole.weights}
    assert (whole.trained_share, last.trained_share) == (1.0, 0.5)
    trained = {each.name for each in last.trainable_variables}
    assert trained == {each.name for each in whole.variables if is_last(each.name)}
    ids = tf.constant([[2, 5, 6, 3]])
    assert last.train_by_engine(tf.float32, batch_size=1, length=4)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(last(ids, training=True) ** 2)
    found = tape.gradient(loss, last.variables)
    by_name = {each.name: gradient for each, gradient in zip(last.variables, found, strict=True)}
    assert tf.norm(by_name["encoder/layer_1/output/kernel:0"]) > 0
    assert by_name["encoder/layer_0/output/kernel:0"] is None
    assert by_name["encoder/embeddings/tokens:0"] is None


def test_the_last_layers_of_shared_weights_are_refused():
    with pytest.raises(InputError, match=r"--unfreeze 1 cannot.*share.*Leave --unfreeze out"):
        encoder.check(MINI_ENCODER, MINI_PREPROCESSOR, 512, "mean", unfreeze=1)


LENGTHS = [3, 64, 7, 40, 20, 5, 33, 60, 12, 9, 50, 62, 63]


@pytest.fixture(scope="module")
def mini() -> PooledEncoder:
    return PooledEncoder(MINI_ENCODER, "mean", trainable=False)


def reviews() -> list[np.ndarray]:
    draw = np.random.default_rng(1)
    return [np.array([2, *draw.integers(5, 8000, length - 2), 3]) for length in LENGTHS]


def records() -> Iterator[bytes]:
    for number, ids in enumerate(reviews()):
        example = tf.train.Example()
        example.features.feature["input_word_ids"].int64_list.value.extend(ids)
        example.features.feature["label"].int64_list.value.append(number)
        example.features.feature["text"].bytes_list.value.append(b"review %d" % number)
        yield example.SerializeToString()


def embed(total: int | None = None, **options: Any) -> dict[int, np.ndarray]:
    """Returns the vector of each label, as the stage gives it in one bundle."""
    stage = EmbedReviews(
        EmbeddingOptions(MINI_ENCODER, sequence_length=64, batch_size=2, **options),
        shared.Shared(),
        total,
    )
    stage.setup()
    stage.start_bundle()
    found = [embedded for record in records() for embedded in stage.process(record)]
    found += [waited.value for waited in stage.finish_bundle()]
    vectors = {}
    for record in found:
        features = tf.train.Example.FromString(record).features.feature
        [label] = features["label"].int64_list.value
        assert features["text"].bytes_list.value == [b"review %d" % label]
        assert label not in vectors
        vectors[label] = np.array(features["pooled_output"].float_list.value)
    return vectors


@pytest.mark.slow
@pytest.mark.parametrize("xla", ["off", "on", "auto"])
def test_a_vector_is_that_of_its_review_padded_to_the_full_length(mini: PooledEncoder, xla: str):
    vectors = embed(xla=xla)
    assert sorted(vectors) == list(range(len(LENGTHS)))
    padded = tf.constant([[*ids, *[0] * (64 - len(ids))] for ids in reviews()], tf.int32)
    expected = mini(padded).numpy()
    for label, vector in vectors.items():
        np.testing.assert_allclose(vector, expected[label], atol=1e-4)


@pytest.mark.slow
def test_it_says_how_many_reviews_of_all_splits_it_has_embedded(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    loaded = shared.Shared()
    options = EmbeddingOptions(MINI_ENCODER, sequence_length=64, batch_size=2, xla="off")
    stages = [EmbedReviews(options, loaded, total=2 * len(LENGTHS)) for _ in range(2)]
    for stage in stages:
        stage.setup()
        stage.start_bundle()
        _ = [*itertools.chain.from_iterable(map(stage.process, records())), *stage.finish_bundle()]
    said = [each for each in map(progress.of_record, caplog.records) if each]
    assert (len(LENGTHS), said[-1].count) == (13, "26/26 texts")
    assert all(later.continues(earlier) for earlier, later in itertools.pairwise(said))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("total", "expected"), [(None, {64}), (len(LENGTHS), set()), (10_000, {8, 16, 24, 40, 56, 64})]
)
def test_it_compiles_for_lengths_of_which_enough_is_to_come(
    monkeypatch: pytest.MonkeyPatch, total: int | None, expected: set[int]
):
    compiled = set()

    def noting(self: PooledEncoder) -> Callable[[tf.Tensor], tf.Tensor]:
        def run(ids: tf.Tensor) -> tf.Tensor:
            compiled.add(ids.shape[1])
            return self(ids)

        return run

    monkeypatch.setattr(PooledEncoder, "compiled_inference", noting)
    monkeypatch.setattr("albert_tfx.modeling.encoder._TOKENS_TO_COMPILE_FOR", {"auto": 256})
    embed(total, xla="auto")
    assert compiled == expected


@pytest.mark.slow
def test_the_engine_trains_with_the_vectors_of_the_encoder_and_changes_nothing_else():
    pooled = PooledEncoder(MINI_ENCODER, "mean", trainable=True)
    ids = tf.constant([[2, 50, 60, 70, 3], [2, 50, 3, 0, 0]])
    plain, names = pooled(ids, training=True), [each.name for each in pooled.variables]
    saved = tf.train.Checkpoint(pooled)
    objects = len(tf.train.TrackableView(saved).descendants())
    assert pooled.train_by_engine(tf.float32, batch_size=2, length=5)
    with tf.GradientTape() as tape:
        vectors = pooled(ids, training=True)
    np.testing.assert_allclose(vectors, plain, atol=1e-5)
    assert all(each is not None for each in tape.gradient(vectors, pooled.trainable_variables[:-2]))
    assert [each.name for each in pooled.variables] == names
    assert len(tf.train.TrackableView(saved).descendants()) == objects


@pytest.mark.slow
def test_an_encoder_without_an_engine_trains_as_it_is(tiny: str):
    pooled = PooledEncoder(tiny, "mean", trainable=True)
    ids = tf.constant([[2, 50, 60, 70, 3]])
    assert not pooled.train_by_engine(tf.float32, batch_size=1, length=5)
    np.testing.assert_allclose(pooled(ids, training=True), pooled(ids), atol=1e-5)


@pytest.mark.slow
def test_in_bfloat16_the_weights_and_the_training_stay_as_they_are(mini: PooledEncoder):
    rounded = PooledEncoder(MINI_ENCODER, "mean", True, inference_precision="bfloat16")
    ids = tf.constant([[2, 50, 60, 70, 3], [2, 50, 3, 0, 0]])
    expected = mini(ids).numpy()
    assert 1e-4 < np.abs(rounded(ids) - expected).max() < 0.02 * np.abs(expected).max()
    np.testing.assert_array_equal(rounded(ids, in_float32=True), expected)
    np.testing.assert_array_equal(rounded(ids, training=True), expected)  # it has no dropout
    assert [each.name for each in rounded.variables] == [each.name for each in mini.variables]
    assert {each.dtype for each in rounded.variables} == {tf.float32}


@pytest.mark.slow
def test_vectors_in_bfloat16_are_those_that_are_served_whatever_is_to_be_compiled():
    rounded = PooledEncoder(MINI_ENCODER, "mean", False, inference_precision="bfloat16")
    vectors = embed(xla="on", inference_precision="bfloat16")
    for label, ids in enumerate(reviews()):
        served = rounded(tf.constant([ids], tf.int32))[0].numpy()
        # Another number of rows sums in another order, which may round to the other side.
        np.testing.assert_allclose(vectors[label], served, atol=0.02 * np.abs(served).max())
