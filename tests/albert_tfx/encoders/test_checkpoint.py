import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from albert_tfx.encoders import configuration
from albert_tfx.encoders.checkpoint import Checkpoint
from albert_tfx.errors import InputError
from tests.support import hugging_face
from tests.support.hugging_face import Weights

CONFIG = hugging_face.CONFIGS["bert"]
QUERY = "encoder.layer.1.attention.self.query.weight"


@pytest.fixture
def weights() -> Weights:
    return hugging_face.draw_weights(CONFIG)


def open_checkpoint(folder: Path) -> Checkpoint:
    return Checkpoint(folder, configuration.read(folder))


def values(folder: Path) -> Weights:
    return {weight.source: read for weight, read in open_checkpoint(folder).read()}


def with_gamma(name: str) -> str:
    if "LayerNorm" not in name:
        return name
    return name.replace(".weight", ".gamma").replace(".bias", ".beta")


@pytest.mark.parametrize("prefix", ["", "bert.", "model.", "module.bert.", "0.auto_model."])
def test_prefixes_and_old_names_are_understood(prefix: str, tmp_path: Path, weights: Weights):
    named = {prefix + with_gamma(name): each for name, each in weights.items()}
    read = values(hugging_face.save(tmp_path, weights=named))
    assert read.keys() == weights.keys()
    np.testing.assert_array_equal(read[QUERY], weights[QUERY].T)
    norm = "embeddings.LayerNorm.bias"
    np.testing.assert_array_equal(read[norm], weights[norm])


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_other_precisions_are_read_as_float32(dtype: Any, tmp_path: Path, weights: Weights):
    stored = {name: each.astype(dtype) for name, each in weights.items()}
    read = values(hugging_face.save(tmp_path, weights=stored))
    assert {each.dtype for each in read.values()} == {np.dtype("float32")}
    np.testing.assert_array_equal(read[QUERY], stored[QUERY].astype(np.float32).T)


def save_shards(folder: Path, weights: Weights) -> None:
    (hugging_face.save(folder) / "model.safetensors").unlink()
    parts = {"one.safetensors": sorted(weights)[::2], "two.safetensors": sorted(weights)[1::2]}
    for file, names in parts.items():
        safetensors.numpy.save_file({name: weights[name] for name in names}, folder / file)
    index = {"weight_map": {name: file for file, names in parts.items() for name in names}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_shards_are_read_together(tmp_path: Path, weights: Weights):
    save_shards(tmp_path, weights)
    assert values(tmp_path).keys() == weights.keys()


def test_a_missing_shard_is_named(tmp_path: Path, weights: Weights):
    save_shards(tmp_path, weights)
    (tmp_path / "two.safetensors").unlink()
    with pytest.raises(InputError, match=r"lacks two\.safetensors"):
        open_checkpoint(tmp_path)


def test_heads_are_named_and_left_out(tmp_path: Path, weights: Weights):
    extra = {"cls.predictions.bias": np.zeros(3, np.float32)}
    buffers = {"bert.embeddings.position_ids": np.zeros([1, 16], np.int64)}
    opened = open_checkpoint(hugging_face.save(tmp_path, weights=weights | extra | buffers))
    assert opened.unused == ("cls.predictions.bias",)
    assert opened.has_pooler
    assert opened.parameters == sum(each.size for each in weights.values())


def test_a_pooler_need_not_be_there(tmp_path: Path, weights: Weights):
    without = {name: each for name, each in weights.items() if not name.startswith("pooler")}
    assert not open_checkpoint(hugging_face.save(tmp_path, weights=without)).has_pooler


@pytest.mark.parametrize("name", [QUERY, "pooler.dense.bias", "embeddings.LayerNorm.weight"])
def test_a_missing_tensor_is_named(name: str, tmp_path: Path, weights: Weights):
    del weights[name]
    with pytest.raises(InputError, match=f"lack {name}"):
        open_checkpoint(hugging_face.save(tmp_path, weights=weights))


def test_a_tensor_of_another_shape_is_named(tmp_path: Path, weights: Weights):
    with pytest.raises(InputError, match=r"word_embeddings\.weight .*\[12, 8\].*\[12, 12\]"):
        open_checkpoint(hugging_face.save(tmp_path, weights=weights, hidden_size=12))


def test_quantized_tensors_are_refused(tmp_path: Path, weights: Weights):
    weights[QUERY] = weights[QUERY].astype(np.int8)
    with pytest.raises(InputError, match="type I8"):
        open_checkpoint(hugging_face.save(tmp_path, weights=weights))


def test_weights_that_are_not_finite_are_refused(tmp_path: Path, weights: Weights):
    weights[QUERY][0, 0] = np.nan
    with pytest.raises(InputError, match="not finite"):
        values(hugging_face.save(tmp_path, weights=weights))


def test_two_encoders_in_one_file_are_refused(tmp_path: Path, weights: Weights):
    twice = weights | {f"bert.{name}": each for name, each in weights.items()}
    with pytest.raises(InputError, match="twice"):
        open_checkpoint(hugging_face.save(tmp_path, weights=twice))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_refused(share: float, tmp_path: Path):
    file = hugging_face.save(tmp_path) / "model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"model\.safetensors is damaged"):
        open_checkpoint(tmp_path)


def test_a_git_lfs_pointer_is_recognised(tmp_path: Path):
    file = hugging_face.save(tmp_path) / "model.safetensors"
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n")
    with pytest.raises(InputError, match="git lfs pull"):
        open_checkpoint(tmp_path)


def test_pickled_weights_alone_are_refused_with_a_remedy(tmp_path: Path):
    (hugging_face.save(tmp_path) / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"holds no model\.safetensors"):
        open_checkpoint(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(InputError, match=r"pickled.*save_pretrained"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("kind", "key", "configured", "stored"),
    [
        ("bert", "num_hidden_layers", 1, 2),
        ("bert", "num_hidden_layers", 1_000, 2),
        ("distilbert", "n_layers", 1, 2),
        ("albert", "num_hidden_groups", 1, 2),
        ("albert", "inner_group_num", 1, 2),
    ],
)
def test_other_layers_than_the_weights_hold_are_refused(
    kind: str, key: str, configured: int, stored: int, tmp_path: Path
):
    weights = hugging_face.draw_weights(hugging_face.CONFIGS[kind])
    folder = hugging_face.save(tmp_path, kind, weights, **{key: configured})
    with pytest.raises(InputError, match=f"{key}: {configured}, and the weights hold {stored}"):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    "weight_map",
    [None, [], "one", {}, {"a": 1}, {"a": "1", "b": 1}, {"a": ["x"]}]
    + [{"a": name} for name in ("../one", "/one", "a\0b", "x" * 300)],
)
def test_a_damaged_index_of_shards_is_refused(weight_map: Any, tmp_path: Path, weights: Weights):
    save_shards(tmp_path / "model", weights)
    (tmp_path / "one").write_bytes(b"of another")
    index = tmp_path / "model" / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(InputError, match=r"index\.json (has no weight_map|names .* within)"):
        open_checkpoint(tmp_path / "model")


@pytest.mark.parametrize("put", [Path.mkdir, os.mkfifo])
def test_weights_that_are_no_regular_file_are_refused(put: Any, tmp_path: Path):
    file = hugging_face.save(tmp_path) / "model.safetensors"
    file.unlink()
    put(file)
    with pytest.raises(InputError, match=r"model\.safetensors cannot be read"):
        open_checkpoint(tmp_path)


def test_the_remedy_for_pickled_weights_can_be_pasted(tmp_path: Path):
    folder = hugging_face.save(tmp_path / 'bin\'s "alone"')
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError) as caught:
        open_checkpoint(folder)
    (command,) = re.findall("run (python -c .*) where PyTorch", caught.value.remedy)
    *_, code = shlex.split(command)
    compile(code, "pasted", "exec")
    assert code.count(repr(str(folder))) == 2
