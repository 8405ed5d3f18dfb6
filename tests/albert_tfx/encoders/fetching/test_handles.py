"""What a user may write for an encoder, and how it is understood."""

from pathlib import Path

import pytest

from albert_tfx.encoders.fetching import handles
from albert_tfx.encoders.fetching.handles import HuggingFaceModel
from albert_tfx.errors import InputError
from tests.support import hugging_face


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "model"),
    [
        ("hf://albert/albert-base-v2", HuggingFaceModel("albert/albert-base-v2")),
        ("hf://albert/albert-base-v2@main", HuggingFaceModel("albert/albert-base-v2")),
        ("hf://BAAI/bge-small-en-v1.5@v1", HuggingFaceModel("BAAI/bge-small-en-v1.5", "v1")),
        ("hf://a/b_c@refs/pr/7", HuggingFaceModel("a/b_c", "refs/pr/7")),
        ("albert/albert-base-v2", HuggingFaceModel("albert/albert-base-v2")),
        ("a/b@5c9d", HuggingFaceModel("a/b", "5c9d")),
        ("https://huggingface.co/a/b", HuggingFaceModel("a/b")),
        ("https://huggingface.co/a/b/tree/v1", HuggingFaceModel("a/b", "v1")),
    ],
)
def test_a_name_of_hugging_face_is_understood_and_said_where_it_is_not_plain(given, model):
    understood = handles.understand(given)
    assert handles.hugging_face_model(understood.handle) == model
    assert (understood.remark == "") == given.startswith("hf://")
    assert given in understood.remark or given.startswith("hf://")
    assert handles.understand(understood.handle).handle == understood.handle


def test_a_folder_precedes_a_name_that_looks_the_same(here: Path):
    (here / "albert" / "albert-base-v2").mkdir(parents=True)
    understood = handles.understand("albert/albert-base-v2")
    assert understood == handles.Given(str(here / "albert" / "albert-base-v2"))


def test_a_mistyped_path_is_not_taken_for_a_name_and_both_are_named(here: Path):
    (here / "models" / "my_albert").mkdir(parents=True)
    with pytest.raises(InputError) as raised:
        handles.understand("models/my_albrt")
    assert "no encoder folder 'models/my_albrt'" in raised.value.cause
    assert "Did you mean my_albert" in raised.value.remedy
    assert "hf://models/my_albrt if you mean a model of Hugging Face" in raised.value.remedy


@pytest.mark.parametrize("given", ["mine", "./a/b", "../a/b", "~/a/b", "/a/b", "a/b/c", "a//b"])
def test_what_can_be_a_path_alone_is_refused_as_one(given):
    with pytest.raises(InputError, match=r"There is no encoder folder .*hf://albert"):
        handles.understand(given)


@pytest.mark.parametrize("given", ["hf://bert-base-uncased", "hf://", "hf://a/b/c", "hf://a/b@"])
def test_what_names_no_model_of_hugging_face_is_refused_with_an_example(given):
    with pytest.raises(InputError, match="hf://OWNER/NAME@REVISION"):
        handles.understand(given)


def test_a_file_is_refused_as_one(here: Path):
    (here / "model.safetensors").touch()
    with pytest.raises(InputError, match="is a file"):
        handles.understand("model.safetensors")


@pytest.mark.parametrize("given", ["gs://bucket/a", "asset://a", "https://tfhub.dev/a/b/1"])
def test_other_addresses_stay_as_they_are(given):
    assert handles.understand(given) == handles.Given(given)
    assert handles.hugging_face_model(given) is None


def test_a_commit_pins_a_model():
    assert HuggingFaceModel("a/b", "c0ffee12" * 5).is_pinned
    assert not HuggingFaceModel("a/b", "c0ffee").is_pinned


def test_a_folder_of_hugging_face_is_told_by_its_files(here: Path):
    folder = hugging_face.save(here / "mine")
    assert handles.may_be_hugging_face_folder(str(folder))
    (folder / "saved_model.pb").touch()
    assert not handles.may_be_hugging_face_folder(str(folder))
    assert handles.may_be_hugging_face_folder("gs://bucket/unseen")
    assert not handles.may_be_hugging_face_folder("https://tfhub.dev/a/b/1")


def test_a_missing_folder_is_refused_by_its_name(here: Path):
    with pytest.raises(InputError, match=r"There is no model folder .*nowhere"):
        handles.saved_model_folder(str(here / "nowhere"))


def test_an_asset_is_found_in_the_package_from_any_folder():
    found = handles.saved_model_folder("asset://albert_en_mini")
    assert Path(found, "saved_model.pb").exists()
    with pytest.raises(InputError, match=r"There is no model folder .*albert_en_maxi"):
        handles.saved_model_folder("asset://albert_en_maxi")


def test_a_folder_without_a_model_is_refused(here: Path):
    with pytest.raises(InputError, match=r"holds no saved_model\.pb and no config\.json"):
        handles.saved_model_folder(str(here))


def test_a_classifier_that_was_pushed_is_named_as_what_it_is(here: Path):
    (here / "assets.extra").mkdir()
    for file in ("saved_model.pb", "assets.extra/origin.json"):
        (here / file).touch()
    with pytest.raises(InputError, match="a classifier that this pipeline has pushed"):
        handles.saved_model_folder(str(here))
