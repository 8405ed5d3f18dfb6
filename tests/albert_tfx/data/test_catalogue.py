import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from albert_tfx.data import catalogue
from albert_tfx.errors import InputError


@pytest.fixture(autouse=True)
def nothing_is_prepared(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))


def prepared(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").touch()
    return folder


def test_no_data_set_of_tfds_is_missing():
    builders = tfds.list_builders(with_community_datasets=False)
    assert "imdb_reviews" in builders
    assert {*builders} <= {*catalogue.names()} | {"text_file"}  # ours, for files


@pytest.mark.parametrize(
    "name",
    [
        "imdb_reviews",
        "imdb_reviews/plain_text",
        "imdb_reviews:1.0.0",
        "ImdbReviews",
        "glue/sst2:2.*.*",
        "sample_reviews",
        "huggingface:imdb",
        "gs://bucket/prepared/1.0.0",
    ],
)
def test_what_may_be_known_is_let_through(name):
    catalogue.require_known(name)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("imdb_review", "Did you mean imdb_reviews?"),
        ("imdb_review/plain_text:1.0.0", "Did you mean imdb_reviews?"),
        ("imdb_reviews_config", "Did you mean imdb_reviews?"),
        ("nosuch", "Give NAME, NAME/CONFIGURATION"),
    ],
)
def test_a_name_that_tfds_cannot_know_is_refused_with_a_close_one(name, advice):
    with pytest.raises(InputError) as refused:
        catalogue.require_known(name)
    assert repr(name) in str(refused.value)
    assert advice in str(refused.value)


def test_what_lies_prepared_is_found_without_its_code(tmp_path, monkeypatch):
    prepared(tmp_path / "data" / "nosuch" / "1.0.0")
    catalogue.require_known("nosuch", str(tmp_path / "data"))
    catalogue.require_known(str(tmp_path / "data" / "nosuch" / "1.0.0"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    catalogue.require_known("nosuch")


def test_a_folder_names_the_prepared_one_within_it(tmp_path, monkeypatch):
    inner = prepared(tmp_path / "mine" / "1.0.0")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=rf"name the one within it.*{inner.name}"):
        catalogue.require_known("mine")
    with pytest.raises(InputError, match=rf"There is .*{inner.name}"):
        catalogue.require_known("mine/2.0.0")


def test_only_a_data_set_to_download_needs_the_folder_it_lies_in(tmp_path):
    nowhere = str(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"--data-dir .*nowhere is no folder.*imdb_reviews"):
        catalogue.require_known("imdb_reviews", nowhere)
    catalogue.require_known("sample_reviews", nowhere)
    catalogue.require_known("imdb_reviews", str(tmp_path))
    catalogue.require_known("imdb_reviews", "gs://bucket/data")


def test_a_misspelt_name_is_answered_before_tensorflow_is_imported(tmp_path):
    code = (
        "import sys, local_runner\n"
        f"options = ['--dataset', 'imdb_review', '--output', {str(tmp_path)!r}]\n"
        "assert local_runner.main(options) == 2\n"
        "sys.exit('tensorflow' in sys.modules or 'tensorflow_datasets' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "Did you mean imdb_reviews?" in ended.stderr
