import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub

from albert_tfx.encoders import conversion, facts
from albert_tfx.errors import InputError
from albert_tfx.modeling import encoder
from albert_tfx.modeling.encoder import PooledEncoder
from tests.support import hugging_face

pytestmark = pytest.mark.slow

IDS = np.array([[2, 5, 6, 7, 8, 3], [2, 9, 7, 10, 11, 3]], np.int32)
SEGMENTS = np.array([[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0]], np.int32)


def outputs(folder: Path, ids: np.ndarray, segments: np.ndarray, padding: int = 4) -> dict:
    """Returns what a converted encoder makes of ids with padding behind, without the padding's."""
    pad = [[0, 0], [0, padding]]
    inputs = {
        "input_word_ids": tf.pad(ids, pad),
        "input_mask": tf.pad(tf.ones_like(ids), pad),
        "input_type_ids": tf.pad(segments, pad),
    }
    made = hub.KerasLayer(str(folder / facts.ENCODER))(inputs)
    return {**made, "sequence_output": made["sequence_output"][:, : ids.shape[1]]}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `source`, and `made` of it."""
    folder = tmp_path_factory.mktemp("bert")
    conversion.convert(hugging_face.save(folder / "source"), folder / "made")
    return folder


def test_outputs_are_those_of_the_reference(bert: Path):
    config = hugging_face.CONFIGS["bert"]
    weights = hugging_face.draw_weights(config)
    sequence, pooled = hugging_face.encode(config, weights, IDS, SEGMENTS)
    made = outputs(bert / "made", IDS, SEGMENTS)
    np.testing.assert_allclose(made["sequence_output"], sequence, atol=1e-5)
    assert pooled is not None
    np.testing.assert_allclose(made["pooled_output"], pooled, atol=1e-5)
    np.testing.assert_array_equal(made["default"], made["pooled_output"])


def test_padding_that_is_not_first_changes_places_with_what_is(tmp_path: Path):
    config = hugging_face.CONFIGS["bert"]
    weights = hugging_face.draw_weights(config)
    expected, _ = hugging_face.encode(config, weights, IDS, SEGMENTS)
    source = hugging_face.save(tmp_path / "source")
    words = [hugging_face.WORDS[5], *hugging_face.WORDS[1:5], "[PAD]", *hugging_face.WORDS[6:]]
    (source / "vocab.txt").write_text("\n".join(words) + "\n")
    conversion.convert(source, tmp_path / "made")
    preprocessor = hub.load(str(tmp_path / "made" / facts.PREPROCESSOR))
    special = preprocessor.tokenize.get_special_tokens_dict()
    assert int(special["padding_id"]) == 0
    assert preprocessor.tokenize(tf.constant(["a"])).to_list() == [[5]]
    swapped = np.where(IDS == 5, 0, IDS)
    direct, _ = hugging_face.encode(config, weights, swapped, SEGMENTS)
    assert np.abs(direct - expected).max() > 0.01
    made = outputs(tmp_path / "made", IDS, SEGMENTS)
    np.testing.assert_allclose(made["sequence_output"], direct, atol=1e-5)


def test_the_two_fit_the_project(bert: Path):
    folder = bert / "made"
    made = str(folder / facts.ENCODER)
    encoder.check(made, str(folder / facts.PREPROCESSOR), hugging_face.POSITIONS, "mean")
    vectors = PooledEncoder(made, "mean", trainable=False)(tf.constant(IDS))
    sequence = outputs(folder, IDS, np.zeros_like(IDS))["sequence_output"]
    np.testing.assert_allclose(vectors, tf.reduce_mean(sequence, axis=1), atol=1e-5)


def test_the_vector_of_the_first_token_is_that_of_the_reference(bert: Path):
    config = hugging_face.CONFIGS["bert"]
    expected, _ = hugging_face.encode(
        config, hugging_face.draw_weights(config), IDS, np.zeros_like(IDS)
    )
    made = PooledEncoder(str(bert / "made" / facts.ENCODER), "cls", trainable=False)
    np.testing.assert_allclose(made(tf.constant(IDS)), expected[:, 0], atol=1e-5)
    padded = np.pad(IDS, [[0, 0], [0, 4]])
    np.testing.assert_allclose(made(tf.constant(padded)), expected[:, 0], atol=1e-5)


def test_dropout_follows_from_the_seed(bert: Path):
    layer = PooledEncoder(str(bert / "made" / facts.ENCODER), "mean", trainable=True)

    def draw(seed: int) -> np.ndarray:
        layer.seed_dropout(seed)
        return layer(tf.constant(IDS), training=True).numpy()

    np.testing.assert_array_equal(draw(7), draw(7))
    assert np.abs(draw(7) - draw(8)).max() > 1e-3


def test_all_weights_are_trained_and_dropout_repeats(bert: Path):
    folder = str(bert / "made" / facts.ENCODER)

    def train() -> list[np.ndarray]:
        layer = PooledEncoder(folder, "pooled_output", trainable=True)
        vectors = []
        for _ in range(2):
            with tf.GradientTape() as tape:
                vectors.append(layer(tf.constant(IDS), training=True))
                loss = tf.reduce_sum(vectors[-1] ** 2)
            gradients = tape.gradient(loss, layer.trainable_variables)
            assert all(gradient is not None for gradient in gradients)
        return [vector.numpy() for vector in vectors]

    first, second = train(), train()
    assert np.abs(first[0] - first[1]).max() > 1e-3
    np.testing.assert_array_equal(first, second)


def test_weights_have_plain_names(bert: Path):
    loaded = hub.load(str(bert / "made" / facts.ENCODER))
    names = {variable.name for variable in loaded.trainable_variables}
    assert "encoder/layer_1/attention/query/kernel:0" in names
    assert {variable.dtype for variable in loaded.trainable_variables} == {tf.float32}
    assert len(loaded.trainable_variables) == len(names)


def test_the_facts_are_written_beside(bert: Path):
    assert facts.read(bert / "made") == facts.inspect(bert / "source")
    assert sorted(path.name for path in bert.iterdir()) == ["made", "source"]


def test_what_is_there_stays_and_what_is_outdated_goes(bert: Path, tmp_path: Path):
    source, folder = (shutil.copytree(bert / name, tmp_path / name) for name in ("source", "made"))
    saved = folder / facts.ENCODER / "saved_model.pb"
    before = saved.stat().st_mtime_ns
    conversion.convert(source, folder)
    assert saved.stat().st_mtime_ns == before
    hugging_face.save(source, "distilbert")
    changed = conversion.convert(source, folder)
    assert saved.stat().st_mtime_ns != before
    assert facts.read(folder) == changed
    assert "pooled_output" not in outputs(folder, IDS, SEGMENTS)


def test_a_conversion_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = hugging_face.save(tmp_path / "source")

    def refuse(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(facts, "write", refuse)
    with pytest.raises(OSError, match="no space"):
        conversion.convert(source, tmp_path / "made")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_folder_of_the_users_own_is_not_replaced(bert: Path, tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("of mine")
    with pytest.raises(InputError, match="holds something else"):
        conversion.convert(bert / "source", tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "of mine"
