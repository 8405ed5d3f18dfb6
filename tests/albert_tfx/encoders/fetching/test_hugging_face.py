"""Models of Hugging Face: fetched from a server on this machine, or found in the cache."""

import json
import logging
from pathlib import Path

import huggingface_hub.constants
import pytest

from albert_tfx.encoders.fetching import hugging_face as fetching
from albert_tfx.encoders.fetching.handles import HuggingFaceModel
from albert_tfx.errors import InputError, UnreachableError
from tests.support import hugging_face
from tests.support import hugging_face_hub as support
from tests.support.hugging_face_hub import COMMIT, NAME

MODEL = HuggingFaceModel(NAME)
PINNED = HuggingFaceModel(NAME, COMMIT)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return support.use_cache(monkeypatch, tmp_path / "hub")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = hugging_face.save(tmp_path / "source")
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    (folder / "README.md").write_text("a card")
    return folder


def test_only_what_a_conversion_reads_is_fetched_and_the_next_time_nothing(
    cache: Path, source: Path, monkeypatch, caplog
):
    with support.hub(monkeypatch, source) as asked, caplog.at_level(logging.WARNING, "albert_tfx"):
        folder = fetching.fetch(fetching.pinned(MODEL))
        assert not [path for path in asked if path.endswith((".bin", ".md"))]
        before = len(asked)
        assert fetching.pinned(MODEL) == PINNED
        assert fetching.fetch(PINNED) == folder
    assert len(asked) == before
    assert caplog.messages == [f"fetching hf://{NAME}@{COMMIT}"]
    assert {path.name for path in folder.iterdir()} == {
        *("config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"),
    }
    assert (folder / "vocab.txt").read_text() == (source / "vocab.txt").read_text()


@pytest.mark.parametrize("model", [MODEL, PINNED])
def test_a_filled_cache_needs_no_network(cache: Path, source: Path, monkeypatch, model):
    snapshot = support.fill_cache(cache, source)
    support.unreachable(monkeypatch)
    assert fetching.pinned(model) == PINNED
    assert fetching.fetch(PINNED) == snapshot


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "vocab.txt"])
def test_half_a_download_is_completed_or_refused_in_one_line(
    cache: Path, source: Path, monkeypatch, missing
):
    snapshot = support.fill_cache(cache, source)
    (snapshot / missing).resolve().unlink()
    with monkeypatch.context() as offline:
        support.unreachable(offline)
        for attempt in (fetching.pinned, fetching.fetch):
            model = MODEL if attempt is fetching.pinned else PINNED
            with pytest.raises(UnreachableError, match=r"not whole in, .*cannot be reached"):
                attempt(model)
    with support.hub(monkeypatch, source):
        assert fetching.fetch(fetching.pinned(MODEL)) == snapshot
    assert (snapshot / missing).read_bytes() == (source / missing).read_bytes()


def test_each_part_of_divided_weights_must_be_there(tmp_path: Path):
    folder = hugging_face.save(tmp_path / "parts")
    assert fetching.is_whole(folder)
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    (folder / "model.safetensors").rename(folder / first)
    index = {"weight_map": {"a": first, "b": second, "c": first}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert not fetching.is_whole(folder)
    (folder / second).touch()
    assert fetching.is_whole(folder)
    for damaged in ([1], {"weight_map": {"a": first, "b": ["x"]}}):
        (folder / "model.safetensors.index.json").write_text(json.dumps(damaged))
        assert not fetching.is_whole(folder)


@pytest.mark.parametrize(
    ("status", "code", "cause", "remedy"),
    [
        (404, "RepoNotFound", f"no model {NAME}, or it is private", "HF_TOKEN"),
        (401, "", "refuses to hand out", "Check the token in HF_TOKEN"),
        (403, "GatedRepo", "is gated", f"terms on https://huggingface.co/{NAME}"),
        (403, "", "refuses to hand out", "Check the token in HF_TOKEN"),
        (404, "RevisionNotFound", "has no revision 'main'", "branch, a tag or a commit"),
        (503, "", "cannot be reached", "Check the network"),
    ],
)
def test_what_hugging_face_refuses_is_one_line_with_a_remedy(
    cache: Path, source: Path, monkeypatch, status, code, cause, remedy
):
    refusals = {f"/api/models/{NAME}": (status, code)}
    with support.hub(monkeypatch, source, refusals), pytest.raises(InputError) as raised:
        fetching.pinned(MODEL)
    assert cause in raised.value.cause
    assert remedy in raised.value.remedy
    assert "\n" not in str(raised.value)


def test_an_unknown_revision_is_refused_by_its_name(cache: Path, source: Path, monkeypatch):
    with (
        support.hub(monkeypatch, source),
        pytest.raises(InputError, match="no revision 'v9' on Hugging Face"),
    ):
        fetching.pinned(HuggingFaceModel(NAME, "v9"))


def test_offline_mode_is_respected_and_named(cache: Path, source: Path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with (
        support.hub(monkeypatch, source) as asked,
        pytest.raises(UnreachableError, match="HF_HUB_OFFLINE is set"),
    ):
        fetching.pinned(MODEL)
    assert not asked


def test_a_model_with_pickled_weights_alone_is_refused(cache: Path, source: Path, monkeypatch):
    (source / "model.safetensors").unlink()
    with (
        support.hub(monkeypatch, source) as asked,
        pytest.raises(InputError, match=r"no weights in safetensors format.*save_pretrained"),
    ):
        fetching.fetch(PINNED)
    assert not [path for path in asked if path.endswith(".bin")]


def test_a_model_of_another_kind_is_refused_before_its_weights_are_fetched(
    cache: Path, source: Path, monkeypatch
):
    (source / "config.json").write_text('{"model_type": "llama"}')
    with (
        support.hub(monkeypatch, source) as asked,
        pytest.raises(InputError, match=r"type 'llama'.*Supported are albert, bert"),
    ):
        fetching.fetch(PINNED)
    assert not [path for path in asked if path.endswith(".safetensors")]


def test_a_cache_that_cannot_be_written_is_named(source: Path, tmp_path: Path, monkeypatch):
    (tmp_path / "hub").write_text("a file")
    support.use_cache(monkeypatch, tmp_path / "hub")
    with support.hub(monkeypatch, source), pytest.raises(InputError, match=r"HF_HOME"):
        fetching.fetch(PINNED)
