"""A fresh interpreter, as Beam starts for its workers, can import tensorflow-data-validation."""

import importlib
import subprocess
import sys

import pytest

from components import beam_worker_compat


def test_fresh_interpreter_has_the_missing_module():
    code = "from tfx_bsl.arrow import sql_util; print(sql_util.RecordBatchSQLSliceQuery.__module__)"

    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    ).stdout

    assert output.strip() == "components.beam_worker_compat"


def test_only_the_missing_module_is_found():
    beam_worker_compat.install()

    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("tfx_bsl.arrow.sql_utils")


def test_installs_once():
    beam_worker_compat.install()
    before = list(sys.meta_path)
    beam_worker_compat.install()

    assert sys.meta_path == before


def test_stand_in_says_that_it_cannot_slice():
    with pytest.raises(NotImplementedError, match="SQL"):
        beam_worker_compat.RecordBatchSQLSliceQuery("SELECT 1", None)
