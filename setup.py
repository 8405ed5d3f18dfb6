"""Adds to a built package the line by which Python starts it; everything else is in pyproject.toml."""

import runpy

import setuptools
from setuptools.command import build_py


class BuildWithStartup(build_py.build_py):
    """Builds what pyproject.toml names, and the `.pth` file beside it."""

    def run(self) -> None:
        """Writes the files that `albert_tfx_startup.py` explains."""
        super().run()
        if not self.editable_mode:
            runpy.run_path("albert_tfx_startup.py")["write"](self.build_lib)


setuptools.setup(cmdclass={"build_py": BuildWithStartup})
