"""What the graph of a SavedModel does besides arithmetic: a model is a program, and runs as one.

TensorFlow's own words on that: https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md. An
operation without state computes, but for those named here; one with state is taken where it is
known to keep to memory. What loads custom operations is not TensorFlow any more.
"""

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow_text  # noqa: F401  registers its operations
from etils import epath
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from albert_tfx import storage
from albert_tfx.errors import InputError, one_line

# Fingerprints of models whose operations are taken unseen, with commas between them.
TRUSTED = "ALBERT_TFX_TRUSTED_MODELS"

# Without state, and yet beyond the memory of the process, or its end. `ImmutableConst` maps a file.
_REACHES_OUT = re.compile(
    "File|Reader|Dataset|PyFunc|Restore|Save|Debug|Abort|Proto|CustomCall|Launch|ImmutableConst"
    "|Remapping|TRT|Send|Recv|Socket|Library"
)
_MAKES_A_NAME = ("ShardedFilename", "ShardedFilespec")
# With state that is in memory: variables, tables, lists, random numbers, calls and conditions.
_IN_MEMORY = re.compile(
    r"VarHandleOp|_VarHandlesOp|VariableV2|VariableShape|VarIsInitializedOp|_?ReadVariables?Op"
    r"|Assign(Add|Sub)?VariableOp|DisableCopyOnRead|DestroyResourceOp"
    r"|Resource(Gather|GatherNd|Scatter\w+|(Sparse)?Apply\w+|StridedSliceAssign)"
    r"|(Stateful)?PartitionedCall|_?If|_?While|Case|_Arg|_Retval"
    r"|(Anonymous)?(Mutable)?(Dense)?HashTable(OfTensors)?(V2)?|InitializeTable(V2)?"
    r"|LookupTable(Find|Insert|Import|Export|Remove|Size)(V2)?"
    r"|Random(Uniform|UniformInt|StandardNormal|Shuffle|Gamma|Crop)|TruncatedNormal|Multinomial"
    r"|ParameterizedTruncatedNormal|Stateful(Uniform|StandardNormal|TruncatedNormal)\w*|RngSkip"
    r"|RngReadAndSkip|TensorArray\w*|Stack(Push|Pop|Close)?V2|Empty|Assert|CheckNumerics"
    r"|GuaranteeConst|Timestamp|Print|Sentencepiece\w*|Wordpiece\w*|TFText>.*"
)
_PRINTS = "PrintV2"
_TO_A_FILE = b"file://"
_READS_A_VOCABULARY = ("InitializeTableFromTextFile", "InitializeTableFromTextFileV2")
# TensorFlow's own, by which a SavedModel saves and restores its weights.
_SAVER = re.compile(r"__inference__traced_(save|restore)_\d+")
_OF_SAVER = ("SaveV2", "RestoreV2", "MergeV2Checkpoints")


def require_computing(folder: str) -> None:
    """Refuses a SavedModel whose graph may touch files or the system, before it is loaded.

    Args:
      folder: The SavedModel's.

    Raises:
      InputError: Its graph is damaged, or has operations that may do so, and
        `ALBERT_TFX_TRUSTED_MODELS` does not name the fingerprint of its files.
    """
    found = sorted(set(_found(folder)))
    fingerprint = storage.digest(folder) if found else ""
    if found and fingerprint not in os.environ.get(TRUSTED, "").split(","):
        raise InputError(
            f"The model in {folder} does more than compute: {', '.join(found)} of its graph "
            "may read or write files, or run what is no part of TensorFlow",
            "Take another model; or, where you know who made this one and why, set "
            f"{TRUSTED}={fingerprint}",
        )


def _found(folder: str) -> Iterator[str]:
    content = (epath.Path(folder) / "saved_model.pb").read_bytes()
    try:
        yield from beyond_memory(content)
    except (DecodeError, IndexError) as error:
        raise InputError(
            f"{folder}/saved_model.pb is damaged ({one_line(error)})",
            "Its files may be incomplete: fetch or export the model again",
        ) from error


def beyond_memory(saved_model: bytes) -> Iterator[str]:
    """Yields the operations of a `saved_model.pb` that may touch more than memory."""
    for meta_graph in saved_model_pb2.SavedModel.FromString(saved_model).meta_graphs:
        graph = meta_graph.graph_def
        assets = {asset.tensor_info.name.partition(":")[0] for asset in meta_graph.asset_file_def}
        yield from _in_nodes(graph.node, assets, has_arguments=False)
        savers = _savers(meta_graph)
        for function in graph.library.function:
            skipped = _OF_SAVER if function.signature.name in savers else ()
            nodes = [node for node in function.node_def if node.op not in skipped]
            yield from _in_nodes(nodes, set(), has_arguments=True)


def _in_nodes(nodes: Iterable[Any], assets: set[str], has_arguments: bool) -> Iterator[str]:
    by_name = {node.name: node for node in nodes}
    for node in by_name.values():
        if node.op in _READS_A_VOCABULARY:
            file = node.input[1].partition(":")[0]
            is_asset = file in assets or (has_arguments and file not in by_name)
            if not is_asset:
                yield f"{node.op} of a file that is no part of the model"
        elif not _computes(node):
            yield node.op


def _computes(node: Any) -> bool:
    if node.op == _PRINTS:
        return not node.attr["output_stream"].s.startswith(_TO_A_FILE)
    if _IN_MEMORY.fullmatch(node.op) or node.op in _MAKES_A_NAME:
        return True
    known = op_def_registry.get(node.op)
    return known is not None and not known.is_stateful and not _REACHES_OUT.search(node.op)


def _savers(meta_graph: Any) -> set[str]:
    """Returns the functions that save and restore weights, and that nothing else can call."""
    functions = meta_graph.graph_def.library.function
    named = {each.signature.name for each in functions if _SAVER.fullmatch(each.signature.name)}
    called = set(meta_graph.object_graph_def.concrete_functions)
    for function in functions:
        if function.signature.name not in named:
            called.update(_called(function.node_def))
    return named - called


def _called(nodes: Iterable[Any]) -> Iterator[str]:
    for node in nodes:
        for value in node.attr.values():
            yield value.func.name
            yield from (each.name for each in value.list.func)
