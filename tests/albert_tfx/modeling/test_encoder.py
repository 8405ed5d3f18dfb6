import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tiny_encoder

from albert_tfx.errors import InputError
from albert_tfx.modeling import encoder
from albert_tfx.modeling.encoder import PooledEncoder
from pipelines.presets import MINI_ENCODER, MINI_PREPROCESSOR


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_encoder.save(tmp_path_factory.mktemp("encoders") / "tiny")


def test_a_missing_folder_is_refused_by_its_name(tmp_path: Path):
    with pytest.raises(InputError, match=r"There is no model folder .*nowhere"):
        encoder.resolve(str(tmp_path / "nowhere"))


def test_an_asset_is_found_in_the_package_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert Path(encoder.resolve("asset://albert_en_mini"), "saved_model.pb").exists()
    with pytest.raises(InputError, match=r"There is no model folder .*albert_en_maxi"):
        encoder.resolve("asset://albert_en_maxi")


def test_a_folder_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"holds no saved_model\.pb"):
        encoder.resolve(str(tmp_path))


def test_an_unreachable_handle_is_refused_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    with pytest.raises(InputError, match=r"cannot be downloaded.*TFHUB_CACHE_DIR"):
        encoder.resolve("https://localhost:1/albert/1")


def test_a_handle_is_found_in_the_cache(tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch):
    handle = "https://tfhub.dev/tensorflow/albert_en_base/3"
    cached = tmp_path / hashlib.sha1(handle.encode()).hexdigest()
    cached.symlink_to(tiny)
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    assert encoder.resolve(handle) == str(cached)


def test_half_a_cached_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    handle = "https://tfhub.dev/tensorflow/albert_en_base/3"
    (tmp_path / hashlib.sha1(handle.encode()).hexdigest() / "variables").mkdir(parents=True)
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    with pytest.raises(InputError, match="Delete the folder"):
        encoder.resolve(handle)


def test_the_embedded_pair_fits():
    encoder.check(MINI_ENCODER, MINI_PREPROCESSOR, 512)


def test_a_length_beyond_the_positions_is_refused():
    with pytest.raises(InputError, match="513 exceeds the 512 positions"):
        encoder.check(MINI_ENCODER, MINI_PREPROCESSOR, 513)


def test_another_vocabulary_is_refused(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tiny_encoder, "VOCABULARY_SIZE", 7999)
    other = tiny_encoder.save(tmp_path / "other")
    with pytest.raises(InputError, match=r"no embedding for the 8,000 tokens.*7,999 rows"):
        encoder.check(other, MINI_PREPROCESSOR, 32)


def test_an_encoder_is_no_preprocessor(tiny: str):
    with pytest.raises(InputError, match="no text preprocessing model"):
        encoder.check(tiny, tiny, 32)


def test_the_fingerprint_is_that_of_the_files_and_not_of_the_folder(tiny: str, tmp_path: Path):
    copy = shutil.copytree(tiny, tmp_path / "copy")
    assert encoder.fingerprint(tiny) == encoder.fingerprint(str(copy))
    weights = next((copy / "variables").glob("variables.data-*"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert encoder.fingerprint(tiny) != encoder.fingerprint(str(copy))


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
