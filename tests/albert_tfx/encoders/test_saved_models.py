"""What the files of a SavedModel tell, and how damage to them is seen."""

import shutil
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from albert_tfx.encoders import saved_models
from albert_tfx.encoders.fetching.handles import saved_model_folder
from albert_tfx.errors import InputError
from pipelines.presets import MINI_ENCODER, MINI_PREPROCESSOR


@pytest.fixture
def mini(tmp_path: Path) -> Path:
    """A copy of the small ALBERT, to be damaged."""
    return Path(shutil.copytree(saved_model_folder(MINI_ENCODER), tmp_path / "mini"))


def weights(folder: Path) -> Path:
    return next((folder / "variables").glob("variables.data-*"))


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def test_the_small_albert_is_known_by_its_files(mini: Path):
    found = saved_models.inspect(str(mini))
    assert (found.parameters, found.positions, found.has_pooled_output) == (1_318_080, 512, True)
    assert {"sequence_output", "pooled_output"} <= found.outputs


def test_a_preprocessor_tells_nothing_of_positions_and_outputs():
    found = saved_models.inspect(saved_model_folder(MINI_PREPROCESSOR))
    assert (found.positions, found.has_pooled_output) == (None, True)


@pytest.mark.parametrize("missing", [1, 100, 1_000_000])
def test_weights_that_are_cut_are_refused(mini: Path, missing: int):
    cut(weights(mini), weights(mini).stat().st_size - missing)
    with pytest.raises(InputError, match=r"no weights, or damaged ones .*fetch or export"):
        saved_models.inspect(str(mini))


def test_weights_that_are_overwritten_are_refused(mini: Path):
    content = bytearray(weights(mini).read_bytes())
    content[len(content) // 2] ^= 1
    weights(mini).write_bytes(content)
    with pytest.raises(InputError, match="no weights, or damaged ones"):
        saved_models.inspect(str(mini))


@pytest.mark.parametrize("file", ["variables", "variables/variables.index"])
def test_weights_that_are_missing_are_refused(mini: Path, file: str):
    path = mini / file
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(InputError, match="no weights, or damaged ones"):
        saved_models.inspect(str(mini))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_graph_that_is_cut_is_refused(mini: Path, share: float):
    graph = mini / "saved_model.pb"
    cut(graph, int(share * graph.stat().st_size))
    with pytest.raises(InputError, match=r"saved_model\.pb is damaged"):
        saved_models.inspect(str(mini))


@pytest.mark.parametrize(
    ("shapes", "positions"),
    [
        ({"word": (900, 16), "position_embedding/embeddings": (64, 16)}, 64),
        ({"a": (900, 16), "b": (64, 16), "c": (2, 16), "d": (16, 48)}, 64),
        ({"a": (900, 48), "b": (64, 48), "c": (48, 48)}, None),
        ({"a": (900, 48), "position_embedding": (64, 48), "c": (48, 48)}, 64),
        ({"a": (48,)}, None),
    ],
)
def test_positions_are_known_by_name_or_else_by_shape(shapes, positions):
    found = saved_models.SavedEncoder(tuple(shapes.items()), frozenset())
    assert found.positions == positions


def test_only_what_a_call_returns_counts(tmp_path: Path):
    class Inner(tf.Module):
        @tf.function(input_signature=[{"input_word_ids": tf.TensorSpec([None, None], tf.int32)}])
        def __call__(self, inputs: dict) -> dict:
            ids = tf.cast(inputs["input_word_ids"], tf.float32)
            return {"sequence_output": self.encode(inputs)["pooled_output"] + ids}

        @tf.function(input_signature=[{"input_word_ids": tf.TensorSpec([None, None], tf.int32)}])
        def encode(self, inputs: dict) -> dict:
            return {"pooled_output": tf.cast(inputs["input_word_ids"], tf.float32) * self.weight}

    module = Inner()
    module.weight = tf.Variable(2.0)
    tf.saved_model.save(module, str(tmp_path))
    assert saved_models.inspect(str(tmp_path)).outputs == {"sequence_output"}


def test_a_pushed_model_is_named_as_what_it_is(mini: Path):
    path = mini / "saved_model.pb"
    proto = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    proto.meta_graphs[0].signature_def["classify_text"].method_name = "predict"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(InputError, match=r"is no encoder, but a model that a run pushed"):
        saved_models.inspect(str(mini))
