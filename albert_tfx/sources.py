"""The project's own source files, as part of what a result depends on.

TFX takes a result from its cache where a component's options and inputs are the same, whatever has
become of its code. `fingerprint` tells one code from another.
"""

import ast
import functools
import hashlib
import pathlib
from collections.abc import Iterable

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ("albert_tfx", "components", "pipelines")
# Holds options and their bounds. TFX knows each component's options by value, so that a new one, or
# another help text, need not repeat the components that have nothing to do with it.
_VALUES_ONLY = ("albert_tfx.options", "albert_tfx.flags")


def environment(root: pathlib.Path = ROOT) -> dict[str, str]:
    """Returns the variables by which a Python process takes the project's code from `root`.

    Without them, it takes the code of the folder that it starts in; where that is in no checkout,
    the code of the checkout that holds its environment. See `albert_tfx_startup`.
    """
    return {"PYTHONPATH": str(root.resolve()), "PYTHONSAFEPATH": "1"}


def fingerprint(modules: Iterable[str]) -> str:
    """Returns a hash of modules and of all that they need of this project.

    Of a module counts what it does: its code without comments, docstrings and layout, the files in
    its folder that it names, and the modules that it imports, wherever in it. Modules of other
    distributions and `albert_tfx.options` are left out.

    Args:
      modules: Names of modules of this project.

    Returns:
      16 hexadecimal digits, the same on every machine for the same sources; the empty text for no
      modules.
    """
    digest, found = hashlib.sha256(), _with_imports(modules)
    for name in sorted(found):
        digest.update(f"{name} {_own_hash(name)}\n".encode())
    return digest.hexdigest()[:16] if found else ""


def module_of(name: str) -> str | None:
    """Returns the module of this project that a dotted name is, or is in, None where there is none.

    >>> module_of("components.trainer.run_fn")
    'components.trainer'
    """
    while name:
        if _path(name) is not None:
            return name
        name, _, _ = name.rpartition(".")
    return None


def _with_imports(modules: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found and name not in _VALUES_ONLY:
            found.add(name)
            waiting.extend(_imports(name))
    return found


@functools.cache
def _path(name: str) -> pathlib.Path | None:
    if name.partition(".")[0] not in PACKAGES:
        return None
    base = ROOT.joinpath(*name.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


@functools.cache
def _tree(name: str) -> ast.Module:
    path = _path(name)
    if path is None:
        raise ModuleNotFoundError(f"{name} is no module of this project", name=name)
    return ast.parse(path.read_bytes(), str(path))


@functools.cache
def _imports(name: str) -> tuple[str, ...]:
    """Returns the project's modules that a module imports, and the packages that it lies in."""
    imported = [name.rpartition(".")[0]]
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(filter(None, map(module_of, imported)))


@functools.cache
def _own_hash(name: str) -> str:
    """Returns a hash of a module's code, and of the files beside it that it names."""
    path, tree = _path(name), _tree(name)
    assert path is not None
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    digest = hashlib.sha256(ast.dump(_WithoutDocstrings().visit(tree)).encode())
    for file in sorted(path.parent.iterdir()):
        if file.name in texts and file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()


class _WithoutDocstrings(ast.NodeTransformer):
    """Takes the texts out of a module that stand alone as statements: they do nothing."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        """Returns None for a text, to take it out."""
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node
