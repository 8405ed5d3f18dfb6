"""A tiny TFDS data set for the tests of the components."""

from pathlib import Path

import pytest
import tiny_dataset


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a prepared data set: 40 train reviews and 10 test reviews."""
    folder = tmp_path_factory.mktemp("tfds")
    return tiny_dataset.store(
        folder, train=tiny_dataset.reviews(40), test=tiny_dataset.reviews(10, "held out")
    )
