import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROJECT = Path(__file__).parents[3]
_IMPORTED = """
import sys
from pipelines.local import run
run._defer_imports()
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
import pipelines.pipeline
unused = {"google.cloud.aiplatform", "google.cloud.bigquery.client", "keras", "nltk"}
print(sorted(unused & {*sys.modules}))
"""


@pytest.mark.slow
def test_a_run_imports_nothing_heavy_that_no_component_uses():
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "PYTHONPATH": str(_PROJECT)}
    command = [sys.executable, "-c", _IMPORTED]
    printed = subprocess.check_output(command, env=environment, text=True)
    assert printed.splitlines()[-1] == "[]"
