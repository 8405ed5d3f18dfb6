"""From a handle to folders: fetched, copied, converted and kept among the user's caches."""

import dataclasses
import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from etils import epath

from albert_tfx.encoders import conversion, facts, resolution
from albert_tfx.encoders.fetching.handles import saved_model_folder
from albert_tfx.encoders.resolution import Description, Folders
from albert_tfx.errors import InputError
from pipelines.presets import MINI_ENCODER
from tests.support import hugging_face, hugging_face_hub
from tests.support.hugging_face import HIDDEN, POSITIONS
from tests.support.hugging_face_hub import COMMIT, NAME

PROJECT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's caches, empty, and no network."""
    hugging_face_hub.use_cache(monkeypatch, tmp_path / "hub")
    hugging_face_hub.unreachable(monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches" / "albert-tfx"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return hugging_face.save(tmp_path / "source")


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The sources that were converted."""
    done: list[Path] = []
    convert = conversion.convert

    def noted(folder: Path, target: Path) -> facts.EncoderFacts:
        done.append(folder)
        return convert(folder, target)

    monkeypatch.setattr(conversion, "convert", noted)
    return done


def test_a_saved_model_is_taken_as_it_is():
    folder = saved_model_folder(MINI_ENCODER)
    assert resolution.resolve(MINI_ENCODER) == Folders(folder, folder)


@pytest.mark.slow
def test_a_model_of_hugging_face_is_converted_once(source: Path, caches: Path, conversions):
    folders = resolution.resolve(str(source))
    assert resolution.resolve(str(source)) == folders
    assert conversions == [source]
    assert Path(folders.encoder, "saved_model.pb").exists()
    assert Path(folders.preprocessor, "saved_model.pb").exists()
    assert Path(folders.encoder).parents[1] == caches / "encoders"
    assert caches.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_a_conversion_can_be_asked_for_while_a_graph_is_traced(source: Path):
    """As Transform does in a task that has no conversion yet."""
    folders = []

    @tf.function
    def traced() -> tf.Tensor:
        folders.append(resolution.resolve(str(source)))
        return tf.constant(0)

    traced()
    assert Path(folders[0].preprocessor, "saved_model.pb").exists()


@pytest.mark.slow
def test_the_same_files_elsewhere_are_one_conversion_and_other_files_another(
    source: Path, tmp_path: Path, conversions
):
    other = hugging_face.save(tmp_path / "other", layer_norm_eps=1e-5)
    same = Path(shutil.copytree(source, tmp_path / "same"))
    folders = [resolution.resolve(str(each)) for each in (source, same, other)]
    assert folders[0] == folders[1] != folders[2]
    assert len(conversions) == 2


@pytest.mark.slow
def test_half_a_conversion_is_made_anew(source: Path, caches: Path, conversions):
    folders = resolution.resolve(str(source))
    (Path(folders.encoder).parent / facts.FACTS_FILE).unlink()
    assert resolution.resolve(str(source)) == folders
    assert len(conversions) == 2


@pytest.mark.slow
def test_a_conversion_that_is_damaged_is_refused_with_what_to_delete(source: Path):
    folder = Path(resolution.resolve(str(source)).encoder)
    weights = next((folder / "variables").glob("variables.data-*"))
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(InputError, match=rf"damaged .*Delete {folder.parent}, and it is converted"):
        resolution.describe(str(source))


def test_a_full_disk_is_named(source: Path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(conversion, "convert", full)
    with pytest.raises(InputError, match=r"No space left on device.*Make room"):
        resolution.resolve(str(source))


@pytest.mark.slow
def test_a_failed_conversion_leaves_nothing_to_be_taken_for_whole(source, caches, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(conversion, "_save_preprocessor", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            resolution.resolve(str(source))
    assert not [path for path in (caches / "encoders").iterdir() if path.is_dir()]
    assert Path(resolution.resolve(str(source)).encoder, "saved_model.pb").exists()


@pytest.mark.slow
def test_what_is_known_of_a_converted_encoder(source: Path, caches: Path, tmp_path: Path):
    hugging_face_hub.fill_cache(tmp_path / "hub", source)
    handle = f"hf://{NAME}@{COMMIT}"
    known = resolution.describe(handle)
    weights = sum(
        each.size for each in hugging_face.draw_weights(hugging_face.CONFIGS["bert"]).values()
    )
    assert dataclasses.asdict(known) == {
        "handle": handle,
        "model_type": "bert",
        "revision": COMMIT,
        "parameters": weights,
        "hidden_size": HIDDEN,
        "positions": POSITIONS,
        "has_pooled_output": True,
        "fingerprint": facts.inspect(source).fingerprint,
        "pooling": "mean",
    }
    assert str(known) == f"hf://{NAME}@c0ffeec, {weights:,} weights, {POSITIONS} positions"
    known.save(tmp_path)
    assert Description.load(tmp_path) == known


def test_what_is_known_of_a_saved_model():
    known = resolution.describe(MINI_ENCODER)
    assert (known.handle, known.revision, known.model_type) == (MINI_ENCODER, None, None)
    assert (known.parameters, known.positions) == (1_318_080, 512)
    assert known.fingerprint == resolution.fingerprint_of(MINI_ENCODER)


@pytest.mark.slow
def test_the_fingerprint_is_that_of_the_source_and_outlives_the_conversion(source, caches):
    before = resolution.fingerprint_of(str(source))
    resolution.resolve(str(source))
    shutil.rmtree(caches)
    assert resolution.fingerprint_of(str(source)) == resolution.describe(str(source)).fingerprint
    assert resolution.fingerprint_of(str(source)) == before


@pytest.mark.slow
def test_an_encoder_without_a_pooler_is_known_as_one(tmp_path: Path):
    weights = hugging_face.draw_weights(hugging_face.CONFIGS["bert"])
    without = {name: values for name, values in weights.items() if "pooler" not in name}
    headless = hugging_face.save(tmp_path / "headless", weights=without)
    assert not resolution.describe(str(headless)).has_pooled_output


def test_a_folder_in_a_bucket_is_copied_first_without_what_is_not_read(
    source: Path, caches: Path, monkeypatch
):
    (source / "pytorch_model.bin").touch()
    copied = resolution._copied(epath.Path(source))
    assert {path.name for path in copied.iterdir()} == {
        *("config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"),
    }
    assert resolution._copied(epath.Path(source)) == copied
    (source / "vocab.txt").write_text("other\n")
    again = resolution._copied(epath.Path(source))
    assert again != copied
    assert (again / "vocab.txt").read_text() == "other\n"


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (lambda folder: (folder / "config.json").write_text('{"model_type": "llama"}'), "llama"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x09" * 40), "safetensors"),
        (lambda folder: (folder / "model.safetensors").unlink(), "safetensors"),
        (lambda folder: (folder / "vocab.txt").unlink(), "token"),
    ],
)
def test_what_cannot_be_used_is_refused_without_tensorflow(source: Path, damage, cause):
    damage(source)
    with pytest.raises(InputError, match=cause):
        resolution.inspect(str(source))
    program = (
        "import sys; from albert_tfx.encoders import resolution\n"
        f"try: resolution.inspect({str(source)!r})\n"
        "except Exception as error: print(type(error).__name__)\n"
        "print({'tensorflow', 'apache_beam', 'numpy.random'} & {*sys.modules} - {'numpy.random'})"
    )
    shown = subprocess.check_output([sys.executable, "-c", program], cwd=PROJECT, text=True)
    assert shown.splitlines() == ["InputError", "set()"]


@pytest.mark.slow
def test_two_processes_at_once_make_one_conversion(source: Path, caches: Path):
    program = f"from albert_tfx.encoders.resolution import resolve; print(resolve({str(source)!r}))"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert len(set(said)) == 1
    (made,) = (path for path in (caches / "encoders").iterdir() if path.is_dir())
    assert facts.read(made) == facts.inspect(source)


def test_a_pin_is_of_the_files_and_nothing_else(tmp_path: Path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    (tmp_path / "variables").mkdir()
    (tmp_path / "variables" / "data").write_bytes(b"weights")
    digest = resolution.digest_of(str(tmp_path))
    assert re.fullmatch("[0-9a-f]{64}", digest)
    resolution.require_digest(str(tmp_path), digest)
    (tmp_path / "variables" / "data").write_bytes(b"Weights")
    with pytest.raises(InputError, match="is not the model that was pinned"):
        resolution.require_digest(str(tmp_path), digest)
