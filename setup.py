"""Makes an editable install bring `data-files`; everything else is in pyproject.toml.

setuptools asks the distribution for `has_data` before it does, and no distribution has it.
"""

import setuptools


class Distribution(setuptools.Distribution):
    """A distribution that answers."""

    has_data = setuptools.Distribution.has_data_files


setuptools.setup(distclass=Distribution)
