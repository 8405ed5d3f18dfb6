"""Imports a package, or a module, when something of it is used.

TFX imports every component as soon as one is imported, and each component all that it works with. A
task runs a single component; what the others need costs it seconds and hundreds of megabytes.
"""

import importlib
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from importlib import util
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_lock = threading.RLock()
_running: set[str] = set()


def defer(names: Iterable[str]) -> None:
    """Lets these packages and modules wait to be used, where nothing has imported them yet.

    A package that waits is there with its modules, which are imported as ever; its own code runs
    when another name is asked of it.
    """
    sys.meta_path.insert(0, _Finder(names))


def leave_out(name: str) -> None:
    """Lets a package whose importers can do without it pass for one that is not installed."""
    sys.modules.setdefault(name, None)  # type: ignore[arg-type]


class _Finder(MetaPathFinder):
    """Finds the packages that wait, and nothing else."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._names:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    """Makes a package that waits."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Package(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass  # when it is used: see `run`

    def run(self, module: ModuleType) -> None:
        """Runs the package's own code."""
        self._loader.exec_module(module)

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)


class _Package(ModuleType):
    """A package that waits to be used."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        submodule = f"{self.__name__}.{name}"
        if self.__name__ not in _running and _is_module(self, submodule):
            return importlib.import_module(submodule)
        with _lock:  # another thread waits here until the code has run
            _run(self, name)
        return getattr(self, name)

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        return importlib.import_module, (self.__name__,)  # as pickle for Beam has other modules


def _is_module(package: ModuleType, name: str) -> bool:
    """Returns whether there is a module `name` in what may be a package, or a mere module."""
    is_package = package.__spec__ is not None and package.__spec__.submodule_search_locations
    return bool(is_package) and util.find_spec(name) is not None


def _run(package: ModuleType, name: str) -> None:
    """Runs the package's own code, and makes it an ordinary one, unless that has been done."""
    if not isinstance(package, _Package):
        return
    if package.__name__ in _running:
        raise AttributeError(f"{package.__name__} has not come to {name!r} yet")
    _running.add(package.__name__)
    try:
        package.__spec__.loader.run(package)  # type: ignore[union-attr]
    finally:
        _running.remove(package.__name__)
    package.__class__ = ModuleType  # type: ignore[assignment]
