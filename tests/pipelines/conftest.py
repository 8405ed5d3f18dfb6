"""One real run of the pipeline, for every test that looks at one."""

import pytest


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory):
    """A run on reviews that two words decide; see tiny_run."""
    import tiny_run

    return tiny_run.run(tiny_run.make_config(tmp_path_factory.mktemp("run")))
