"""A SavedModel by TensorFlow's C library alone: its Python package takes seconds to import.

The functions are those of TensorFlow's C API, which is public
(https://www.tensorflow.org/install/lang_c; `tensorflow/c/*.h` in the wheel). They run the graph as
TensorFlow Serving does, in a session. Where the wheel keeps the library is not promised.
"""

import contextlib
import ctypes
import functools
import math
import os
from collections.abc import Collection, Iterator, Sequence
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_void_p
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np

from albert_tfx.prediction import signatures

_LIBRARY = "libtensorflow_cc.so.2"
_TOKENIZERS = "python/ops/_*.so"
_TAG = b"serve"
_FLOAT32, _STRING = 1, 7  # of TF_DataType
_STRING_BYTES = 24  # of a TF_TString


class LibraryError(Exception):
    """The library cannot be used in this way, or refuses what was asked; says why."""


class _Buffer(ctypes.Structure):
    _fields_ = (("data", c_void_p), ("length", c_size_t), ("deallocator", c_void_p))


class _Output(ctypes.Structure):
    _fields_ = (("operation", c_void_p), ("index", c_int))


_TAGS = (POINTER(c_char_p), c_int)
_TENSORS = (POINTER(_Output), POINTER(c_void_p), c_int)
# Each function's result and arguments.
_FUNCTIONS: dict[str, tuple[Any, Sequence[Any]]] = {
    "TF_AllocateTensor": (c_void_p, [c_int, POINTER(c_int64), c_int, c_size_t]),
    "TF_DeleteBuffer": (None, [POINTER(_Buffer)]),
    "TF_DeleteSessionOptions": (None, [c_void_p]),
    "TF_DeleteStatus": (None, [c_void_p]),
    "TF_DeleteTensor": (None, [c_void_p]),
    "TF_Dim": (c_int64, [c_void_p, c_int]),
    "TF_GetCode": (c_int, [c_void_p]),
    "TF_GraphOperationByName": (c_void_p, [c_void_p, c_char_p]),
    "TF_LoadLibrary": (c_void_p, [c_char_p, c_void_p]),
    "TF_LoadSessionFromSavedModel": (
        c_void_p,
        [c_void_p, c_void_p, c_char_p, *_TAGS, c_void_p, POINTER(_Buffer), c_void_p],
    ),
    "TF_Message": (c_char_p, [c_void_p]),
    "TF_NewBuffer": (POINTER(_Buffer), []),
    "TF_NewGraph": (c_void_p, []),
    "TF_NewSessionOptions": (c_void_p, []),
    "TF_NewStatus": (c_void_p, []),
    "TF_NumDims": (c_int, [c_void_p]),
    "TF_SessionRun": (
        None,
        [c_void_p, c_void_p, *_TENSORS, *_TENSORS, c_void_p, c_int, c_void_p, c_void_p],
    ),
    "TF_StringAssignView": (None, [c_void_p, c_char_p, c_size_t]),
    "TF_StringGetDataPointer": (c_void_p, [c_void_p]),
    "TF_StringGetSize": (c_size_t, [c_void_p]),
    "TF_StringInit": (None, [c_void_p]),
    "TF_TensorData": (c_void_p, [c_void_p]),
    "TF_TensorType": (c_int, [c_void_p]),
}


class Session:
    """A SavedModel whose signatures each take one vector of strings. It stays until Python ends.

    Attributes:
      signatures: The signatures' names.
    """

    def __init__(self, folder: Path) -> None:
        """Loads a SavedModel.

        Raises:
          LibraryError: There is no such library, or it cannot load the model.
        """
        self._library = _library()
        self._graph = self._library.TF_NewGraph()
        self._session, meta_graph = self._load(os.fsencode(folder))
        self._signatures = signatures.read(meta_graph)
        self.signatures = tuple(self._signatures)

    def run(self, signature: str, values: Sequence[bytes]) -> dict[str, np.ndarray]:
        """Returns a signature's outputs for `values`, by name: arrays of float32, or of bytes.

        Raises:
          LibraryError: An output is of another kind, or the model fails.
        """
        asked = self._signatures[signature]
        if len(asked.inputs) != 1:
            raise LibraryError(f"{signature} takes {len(asked.inputs)} inputs")
        given = self._strings(values)
        found = (c_void_p * len(asked.outputs))()
        try:
            with _status(self._library) as status:
                self._library.TF_SessionRun(
                    self._session, None,
                    self._places(asked.inputs.values()), (c_void_p * 1)(given), 1,
                    self._places(asked.outputs.values()), found, len(found),
                    None, 0, None, status,
                )  # fmt: skip
            return dict(zip(asked.outputs, map(self._array, found), strict=True))
        finally:
            for tensor in filter(None, (given, *found)):
                self._library.TF_DeleteTensor(tensor)

    def _load(self, folder: bytes) -> tuple[int, bytes]:
        """Returns the session, and what the model's `MetaGraphDef` is when it is serialized."""
        tags = (c_char_p * 1)(_TAG)
        options, buffer = self._library.TF_NewSessionOptions(), self._library.TF_NewBuffer()
        try:
            with _status(self._library) as status:
                session = self._library.TF_LoadSessionFromSavedModel(
                    options, None, folder, tags, len(tags), self._graph, buffer, status
                )
            return session, ctypes.string_at(buffer.contents.data, buffer.contents.length)
        finally:
            self._library.TF_DeleteBuffer(buffer)
            self._library.TF_DeleteSessionOptions(options)

    def _places(self, tensors: Collection[str]) -> "ctypes.Array[_Output]":
        return (_Output * len(tensors))(*map(self._place, tensors))

    def _place(self, tensor: str) -> _Output:
        name, _, index = tensor.partition(":")
        operation = self._library.TF_GraphOperationByName(self._graph, name.encode())
        if operation is None:
            raise LibraryError(f"the graph has no tensor {tensor!r}")
        return _Output(operation, int(index))

    def _strings(self, values: Sequence[bytes]) -> int:
        """Returns a tensor that refers to `values`, which are to be kept as long as it is."""
        shape, size = (c_int64 * 1)(len(values)), len(values) * _STRING_BYTES
        tensor: int = self._library.TF_AllocateTensor(_STRING, shape, 1, size)
        for place, value in zip(self._elements(tensor, len(values)), values, strict=True):
            self._library.TF_StringInit(place)
            self._library.TF_StringAssignView(place, value, len(value))
        return tensor

    def _array(self, tensor: int) -> np.ndarray:
        shape = [self._library.TF_Dim(tensor, n) for n in range(self._library.TF_NumDims(tensor))]
        count, kind = math.prod(shape), self._library.TF_TensorType(tensor)
        if kind == _STRING:
            strings = [self._string(place) for place in self._elements(tensor, count)]
            return np.array(strings, object).reshape(shape)
        if kind == _FLOAT32:
            data = ctypes.string_at(self._library.TF_TensorData(tensor), count * 4)
            return np.frombuffer(data, np.float32).reshape(shape)
        raise LibraryError(f"an output is of TensorFlow's type {kind}")

    def _string(self, place: int) -> bytes:
        data = self._library.TF_StringGetDataPointer(place)
        return ctypes.string_at(data, self._library.TF_StringGetSize(place))

    def _elements(self, tensor: int, count: int) -> range:
        """Returns the addresses of the strings of a tensor."""
        first = self._library.TF_TensorData(tensor) or 0
        return range(first, first + count * _STRING_BYTES, _STRING_BYTES)


@functools.cache
def _library() -> Any:
    """Returns the library with its functions declared and the kernels of TF Text registered.

    Raises:
      LibraryError: The wheels hold other libraries than are known.
    """
    try:
        library = ctypes.CDLL(str(_package("tensorflow") / _LIBRARY))
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (AttributeError, OSError) as error:
        raise LibraryError(str(error)) from error
    for kernels in sorted(_package("tensorflow_text").glob(_TOKENIZERS)):
        with _status(library) as status:
            library.TF_LoadLibrary(os.fsencode(kernels), status)
    return library


def _package(name: str) -> Path:
    """Returns the folder of a package, without importing it."""
    found = util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise LibraryError(f"there is no package {name}")
    return Path(found.submodule_search_locations[0])


@contextlib.contextmanager
def _status(library: Any) -> Iterator[int]:
    """Yields what a function of the library reports to, and raises what it has reported.

    Raises:
      LibraryError: The function failed.
    """
    status = library.TF_NewStatus()
    try:
        yield status
        if library.TF_GetCode(status):
            raise LibraryError(library.TF_Message(status).decode(errors="replace"))
    finally:
        library.TF_DeleteStatus(status)
