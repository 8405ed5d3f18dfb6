"""Lets Beam's worker processes import tensorflow-data-validation.

tensorflow-data-validation 1.16 imports `tfx_bsl.arrow.sql_util`, which tfx-bsl 1.21 dropped with
its SQL engine. `import tfx` puts a stand-in there, but a worker process of Beam unpickles
StatisticsGen's functions, and with them tensorflow-data-validation, before anything imports TFX:
`ImportError: cannot import name 'sql_util'`. Nothing that is handed to the worker is early enough.
So the project installs one `.pth` file, which Python reads at its start, and which calls `install`.

Where the module exists, this does nothing. It can go, `.pth` file and all, together with the pin
of tensorflow-data-validation.
"""

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Sequence

_MISSING = "tfx_bsl.arrow.sql_util"


class _SqlUtilFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the one module that all other finders missed."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        return importlib.machinery.ModuleSpec(fullname, self) if fullname == _MISSING else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        del spec

    def exec_module(self, module: types.ModuleType) -> None:
        module.RecordBatchSQLSliceQuery = RecordBatchSQLSliceQuery  # type: ignore[attr-defined]


class RecordBatchSQLSliceQuery:
    """Stands where the class of that name was; nothing here slices by SQL."""

    def __init__(self, *_: object) -> None:
        raise NotImplementedError("tfx-bsl has no SQL engine: slice by feature keys instead.")


def install() -> None:
    """Appends the finder to those that Python asks, once."""
    if not any(type(finder) is _SqlUtilFinder for finder in sys.meta_path):
        sys.meta_path.append(_SqlUtilFinder())
