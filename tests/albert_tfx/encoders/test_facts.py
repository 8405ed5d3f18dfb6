import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albert_tfx.encoders import facts
from albert_tfx.errors import InputError
from tests.support import hugging_face


def add_pooling(folder: Path, settings: dict, *kinds: str) -> None:
    modules = [
        {"idx": number, "path": f"{number}_{kind}" if number else "", "type": f"st.models.{kind}"}
        for number, kind in enumerate(("Transformer", "Pooling", *kinds))
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings))


def test_the_facts_of_an_encoder(tmp_path: Path):
    weights = hugging_face.draw_weights(hugging_face.CONFIGS["bert"])
    folder = hugging_face.save(tmp_path, weights={**weights, "cls.bias": np.zeros(2, np.float32)})
    known = facts.inspect(folder)
    assert (known.model_type, known.positions, known.hidden_size) == ("bert", 16, 8)
    assert (known.layers, known.vocabulary_size, known.has_pooler) == (2, 12, True)
    assert known.parameters == sum(each.size for each in weights.values())
    assert known.unused == ("cls.bias",)
    assert known.remarks == ("Tensors that are no part of the encoder are left out (1: cls)",)


@pytest.mark.parametrize(
    ("settings", "pooling"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, "mean"),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}, "cls"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, "mean+cls"),
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "mean_sqrt_len"),
        ({"pooling_mode_mean_tokens": False}, None),
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode": "max"}, "max"),
        ({"pooling_mode": ["mean", "cls"]}, "mean+cls"),
    ],
)
def test_the_pooling_is_that_of_sentence_transformers(
    settings: dict, pooling: str | None, tmp_path: Path
):
    add_pooling(hugging_face.save(tmp_path), settings)
    assert facts.inspect(tmp_path).pooling == pooling


@pytest.mark.parametrize(
    "settings",
    [
        {"pooling_mode_mean_tokens": "false"},
        {"pooling_mode_mean_tokens": 1},
        {"pooling_mode": None},
        {"pooling_mode": []},
        {"pooling_mode": ["mean", 1]},
        {"pooling_mode": ""},
    ],
)
def test_a_pooling_that_is_not_stated_plainly_is_refused(settings: dict, tmp_path: Path):
    add_pooling(hugging_face.save(tmp_path), settings)
    with pytest.raises(InputError, match=r"1_Pooling/config\.json has pooling_mode"):
        facts.inspect(tmp_path)


def test_the_pooling_counts_where_no_modules_are_listed(tmp_path: Path):
    add_pooling(hugging_face.save(tmp_path), {"pooling_mode_cls_token": True})
    (tmp_path / "modules.json").unlink()
    before = facts.inspect(tmp_path)
    assert before.pooling == "cls"
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    after = facts.inspect(tmp_path)
    assert (after.pooling, after.fingerprint != before.fingerprint) == ("mean", True)


@pytest.mark.parametrize(
    "module",
    ["Pooling", 1, {}, {"type": 1}]
    + [{"type": "Pooling", "path": path} for path in (None, 5, "..", "/1_Pooling")],
)
def test_a_damaged_list_of_modules_is_refused(module: Any, tmp_path: Path):
    add_pooling(hugging_face.save(tmp_path), {"pooling_mode_cls_token": True})
    (tmp_path / "modules.json").write_text(json.dumps([module]))
    with pytest.raises(InputError, match=r"modules\.json (lists|names)"):
        facts.inspect(tmp_path)


def test_modules_that_are_left_out_are_named(tmp_path: Path):
    settings = {"pooling_mode_mean_tokens": True}
    add_pooling(hugging_face.save(tmp_path), settings, "Dense", "Normalize")
    remarks = facts.inspect(tmp_path).remarks
    assert remarks == tuple(
        f"{kind} of sentence-transformers is left out" for kind in ("Dense", "Normalize")
    )


def test_a_tokenizer_with_more_tokens_than_embeddings_is_refused(tmp_path: Path):
    folder = hugging_face.save(tmp_path)
    with (folder / "vocab.txt").open("a") as vocabulary:
        vocabulary.write("more\n")
    with pytest.raises(InputError, match="13 tokens, and the encoder has embeddings for 12"):
        facts.inspect(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.txt"])
def test_each_file_counts_for_the_fingerprint(name: str, tmp_path: Path):
    folder = hugging_face.save(tmp_path)
    before = facts.inspect(folder).fingerprint
    (folder / "README.md").write_text("of no weight")
    assert facts.inspect(folder).fingerprint == before
    content = (folder / name).read_bytes()
    changed = {"config.json": content + b"\n", "vocab.txt": content.replace(b"good", b"well")}
    (folder / name).write_bytes(changed.get(name, content[:-1] + b"\x01"))
    assert facts.inspect(folder).fingerprint != before


def test_only_a_folder_with_a_config_and_no_saved_model_is_a_model_folder(tmp_path: Path):
    assert facts.is_model_folder(hugging_face.save(tmp_path))
    (tmp_path / "saved_model.pb").touch()
    assert not facts.is_model_folder(tmp_path)
    assert not facts.is_model_folder(tmp_path / "1_Pooling")


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"model_type": "bert"}'])
def test_other_folders_hold_no_facts(content: str | None, tmp_path: Path):
    if content is not None:
        (tmp_path / facts.FACTS_FILE).write_text(content)
    assert facts.read(tmp_path) is None


def test_inspection_needs_no_tensorflow(tmp_path: Path):
    folder = hugging_face.save(tmp_path)
    code = (
        "import sys; from albert_tfx.encoders import facts; facts.inspect(sys.argv[1]); "
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder], check=True, capture_output=True, text=True
    )
    assert done.stdout == "False\n"
