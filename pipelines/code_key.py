"""Code in the cache's key: TFX and the clouds know what a component is given, not what it does."""

import re

import tensorflow as tf
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_node import BaseNode
from tfx.version import __version__ as tfx_version

from albert_tfx import sources

PROPERTY = "code"

_NAME = re.compile(rf"(?<![\w.])(?:{'|'.join(sources.PACKAGES)})(?:\.\w+)+")


def stamp(node: BaseNode) -> None:
    """Tells a component's code by an execution property, so that other code runs anew.

    TFX's cache goes by the properties of an execution, and so do Vertex AI's and Kubeflow's, where
    the property is an input of the task in the compiled pipeline. It has:

    * A hash of the project's modules that the component runs: that of its executor, those that its
      other properties name (`run_fn`, `preprocessing_fn`, `module_path`, TFMA's metrics), and what
      they import; see `albert_tfx.sources.fingerprint`. An edited module repeats the components
      that import it, directly or not, and, where their results differ, those after them. Comments,
      docstrings, layout and a new option repeat nothing.
    * The versions of TFX and TensorFlow, with which those of all other packages are locked.

    A compiled pipeline has the property of the sources that it was compiled from: with an image of
    others under the same tag, compile it again.

    Args:
      node: A node of the pipeline, changed in place. A resolver is left as it is: it is not cached.
    """
    if not isinstance(node, BaseComponent):
        return
    executor = getattr(node.executor_spec, "class_path", "")
    named = _NAME.findall(f"{executor} {node.exec_properties}")
    modules = {module for module in map(sources.module_of, named) if module is not None}
    versions = f"tfx {tfx_version}, tensorflow {tf.__version__}"
    node.exec_properties[PROPERTY] = f"{sources.fingerprint(modules)} {versions}".strip()
