"""Graphs that would do more than compute, refused before they are loaded."""

from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from albert_tfx import storage
from albert_tfx.encoders import operations, resolution
from albert_tfx.errors import InputError
from pipelines.presets import ASSETS

SAVER = "__inference__traced_restore_7"


def saved_model(op: str, function: str = "__inference_call_1", **attributes: bytes) -> bytes:
    """Returns a model with one function of one operation, whose inputs are its arguments."""
    model = saved_model_pb2.SavedModel()
    added = model.meta_graphs.add().graph_def.library.function.add()
    added.signature.name = function
    node = added.node_def.add(name="node", op=op, input=["table", "file"])
    for name, value in attributes.items():
        node.attr[name].s = value
    return model.SerializeToString()


@pytest.mark.parametrize(
    "op",
    [
        *("ReadFile", "WriteFile", "MatchingFiles", "ImmutableConst", "Skipgram", "RecordInput"),
        *("SaveV2", "RestoreV2", "MergeV2Checkpoints", "SaveSlices", "RestoreSlice"),
        *("PyFunc", "EagerPyFunc", "PyFuncStateless", "XlaCustomCallV2", "Abort"),
        *("TextLineDataset", "TFRecordDatasetV2", "WholeFileReaderV2", "CSVDatasetV2"),
        *("DecodeProtoV2", "FixedUnigramCandidateSampler", "LoadAndRemapMatrix", "DebugIdentityV3"),
        *("CreateSummaryFileWriter", "RpcCall", "RemoteCall", "Send", "GenerateVocabRemapping"),
        *("Prism>LoadLibrary", "MyOwnOperation"),
    ],
)
@pytest.mark.parametrize("place", ["function", "graph"])
def test_what_reaches_beyond_memory_is_found(op, place):
    content = saved_model(op)
    if place == "graph":
        model = saved_model_pb2.SavedModel()
        model.meta_graphs.add().graph_def.node.add(name="node", op=op, input=["a", "b"])
        content = model.SerializeToString()
    assert list(operations.beyond_memory(content)) == [op]


@pytest.mark.parametrize(
    "op",
    [
        *("MatMul", "Einsum", "RegexReplace", "ReadVariableOp", "StatefulPartitionedCall", "While"),
        *(
            "LookupTableFindV2",
            "InitializeTableFromTextFileV2",
            "SentencepieceTokenizeOp",
            "Assert",
        ),
        *("TFText>FastWordpieceTokenizeWithOffsets", "RandomUniform", "ShardedFilename", "PrintV2"),
    ],
)
def test_what_computes_is_not(op):
    assert list(operations.beyond_memory(saved_model(op))) == []


def test_printing_to_a_file_is_found():
    content = saved_model("PrintV2", output_stream=b"file:///home/me/.profile")
    assert list(operations.beyond_memory(content)) == ["PrintV2"]


def test_a_vocabulary_of_another_file_is_found():
    model = saved_model_pb2.SavedModel.FromString(saved_model("InitializeTableFromTextFileV2"))
    (function,) = model.meta_graphs[0].graph_def.library.function
    function.node_def.add(name="file", op="Const")
    (found,) = operations.beyond_memory(model.SerializeToString())
    assert found == "InitializeTableFromTextFileV2 of a file that is no part of the model"


def test_only_tensorflows_own_saver_may_restore():
    content = saved_model("RestoreV2", SAVER)
    assert list(operations.beyond_memory(content)) == []
    model = saved_model_pb2.SavedModel.FromString(content)
    model.meta_graphs[0].object_graph_def.concrete_functions[SAVER].SetInParent()
    assert list(operations.beyond_memory(model.SerializeToString())) == ["RestoreV2"]


def test_a_function_that_calls_the_saver_is_found():
    model = saved_model_pb2.SavedModel.FromString(saved_model("RestoreV2", SAVER))
    caller = model.meta_graphs[0].graph_def.library.function.add()
    caller.signature.name = "__inference_call_1"
    caller.node_def.add(name="call", op="PartitionedCall").attr["f"].func.name = SAVER
    assert list(operations.beyond_memory(model.SerializeToString())) == ["RestoreV2"]


@pytest.mark.parametrize("name", ["albert_en_mini", "albert_en_mini_preprocess"])
def test_the_models_of_this_project_compute(name):
    assert list(operations.beyond_memory((ASSETS / name / "saved_model.pb").read_bytes())) == []


class Thief(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def __call__(self, name: tf.Tensor) -> tf.Tensor:
        return tf.io.read_file(name)


def test_such_a_model_is_refused_unless_its_very_files_are_trusted(tmp_path: Path, monkeypatch):
    tf.saved_model.save(Thief(), str(tmp_path))
    digest = storage.digest(tmp_path)
    with pytest.raises(
        InputError, match=rf"than compute: ReadFile of its graph.*{operations.TRUSTED}={digest}"
    ):
        resolution.resolve(str(tmp_path))
    monkeypatch.setenv(operations.TRUSTED, f"another,{digest}")
    assert resolution.resolve(str(tmp_path)).encoder == str(tmp_path)


def test_a_damaged_graph_is_said_to_be(tmp_path: Path):
    (tmp_path / "saved_model.pb").write_bytes(b"\xff\xff\xff")
    with pytest.raises(InputError, match="is damaged"):
        resolution.resolve(str(tmp_path))
