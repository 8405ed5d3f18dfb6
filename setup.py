"""Adds the `.pth` file to a built package; everything else is in pyproject.toml."""

import runpy

import setuptools
from setuptools.command import build_py


class BuildWithStartup(build_py.build_py):
    """Builds the modules, and the `.pth` file beside them."""

    def run(self) -> None:
        """Writes what `albert_tfx_startup.py` explains."""
        super().run()
        if not self.editable_mode:
            runpy.run_path("albert_tfx_startup.py")["write"](self.build_lib)


setuptools.setup(cmdclass={"build_py": BuildWithStartup})
