import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from albert_tfx.encoders import configuration
from albert_tfx.errors import InputError
from tests.support import hugging_face


def read(folder: Path, kind: str = "bert", **config: Any):
    return configuration.read(hugging_face.save(folder, kind, weights={}, **config))


def test_roberta_has_two_positions_less_than_rows(tmp_path: Path):
    sizes = read(tmp_path, "roberta")
    assert (sizes.positions, sizes.position_offset) == (hugging_face.POSITIONS, 2)


def test_distilbert_has_names_of_its_own_and_no_segments(tmp_path: Path):
    sizes = read(tmp_path, "distilbert", n_layers=5, dropout=0.3)
    assert (sizes.layers, sizes.hidden_dropout, sizes.segments) == (5, 0.3, 0)


def test_albert_has_no_dropout_unless_it_says_so(tmp_path: Path):
    assert read(tmp_path / "one", "albert").hidden_dropout == 0.0
    assert read(tmp_path / "two", "bert").hidden_dropout == 0.1


def test_layers_are_spread_over_groups_as_transformers_does(tmp_path: Path):
    sizes = read(tmp_path, "albert", num_hidden_layers=5, num_hidden_groups=2)
    assert [sizes.group_of(layer) for layer in range(5)] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("model_type", ["gpt2", "deberta-v2", "mpnet", None])
def test_other_models_are_refused_by_name(model_type: str | None, tmp_path: Path):
    with pytest.raises(InputError, match=rf"type {model_type!r}.*Supported are albert, bert"):
        read(tmp_path, model_type=model_type)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"position_embedding_type": "relative_key"}, "relative_key position embeddings"),
        ({"is_decoder": True}, "is_decoder"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
        ({"hidden_act": "swish"}, "hidden_act: 'swish'.*gelu_new"),
        ({"hidden_size": None}, "hidden_size: None"),
        ({"num_hidden_layers": 0}, "num_hidden_layers: 0"),
        ({"num_attention_heads": 3}, "8 is no multiple of the 3"),
        ({"hidden_dropout_prob": 1}, "hidden_dropout_prob: 1"),
        ({"hidden_dropout_prob": False}, "hidden_dropout_prob: False"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps: nan"),
        ({"hidden_act": ["gelu"]}, r"hidden_act: \['gelu'\]"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers: 1000000000.*from 1 to 1,000"),
    ],
)
def test_what_cannot_be_converted_is_refused(config: dict, message: str, tmp_path: Path):
    with pytest.raises(InputError, match=message):
        read(tmp_path, **config)


@pytest.mark.parametrize("value", [True, 2.0, float("nan"), "2", -2, [2], 2**31])
@pytest.mark.parametrize("key", ["num_hidden_layers", "hidden_size", "vocab_size"])
def test_a_size_is_a_whole_number(key: str, value: Any, tmp_path: Path):
    with pytest.raises(InputError, match=rf"config\.json has {key}: .*a whole number from 1 to"):
        read(tmp_path, **{key: value})


def test_albert_has_no_more_groups_than_layers(tmp_path: Path):
    with pytest.raises(InputError, match=r"num_hidden_groups: 4.*from 1 to 3"):
        read(tmp_path, "albert", num_hidden_groups=4)


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b"\xff", b"version https://git-lfs.github.com", b"[" * 100_000]
)
def test_a_damaged_file_is_refused(content: bytes, tmp_path: Path):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(InputError, match=r"config\.json"):
        configuration.read(tmp_path)


@pytest.mark.parametrize("put", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_only_a_regular_file_is_read(put: Callable[[Path], None], tmp_path: Path):
    put(tmp_path / "config.json")
    with pytest.raises(InputError, match=r"config\.json cannot be read"):
        configuration.read(tmp_path)


def test_the_folder_of_an_encoder_within_is_named(tmp_path: Path):
    folder = hugging_face.save(tmp_path / "0_Transformer")
    with pytest.raises(InputError, match=f"Give {folder}, which holds the encoder, .*--pooling"):
        configuration.read(tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"config\.json cannot be read"):
        configuration.read(tmp_path)
