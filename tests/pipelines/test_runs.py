"""Reading ML Metadata, on a database of the few records that TFX would write."""

from pathlib import Path

import pytest

from albert_tfx.errors import InputError
from pipelines import runs
from tests.support.metadata import NAME, Output, Records


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(tmp_path)


@pytest.fixture
def records(output: Output) -> Records:
    return Records(output)


def test_no_database_is_made_where_there_is_none(output: Output):
    for read in (
        lambda: runs.output_uri(output.metadata, NAME, "Pusher"),
        lambda: runs.list_runs(str(output.folder)),
    ):
        with pytest.raises(InputError, match=r"holds no metadata\.db.*--output FOLDER"):
            read()
    assert not list(output.folder.iterdir())


def test_the_last_finished_execution_gives_the_artifact(output: Output, records: Records):
    records.execution("BulkInferrer", "inference_result", "COMPLETE")
    last = records.execution("BulkInferrer", "inference_result", "CACHED")
    records.execution("BulkInferrer", "inference_result", "FAILED")
    assert runs.output_uri(output.metadata, NAME, "BulkInferrer") == last
    with pytest.raises(LookupError, match="Pusher has never finished in reviews"):
        runs.output_uri(output.metadata, NAME, "Pusher")


def test_a_run_has_its_artifacts_by_component_and_key(output: Output, records: Records):
    evaluation = records.execution("Evaluator.comparison", "evaluation", "COMPLETE")
    records.execution("Trainer.frozen", "model", "FAILED")
    with pytest.raises(InputError, match="No run has finished"):
        runs.list_runs(str(output.folder))
    report = records.execution("ComparisonReport", "report", "CACHED")
    [run] = runs.list_runs(str(output.folder))
    assert (run.name, run.pipeline) == ("2026-11-29", NAME)
    assert run.artifacts == {
        ("Evaluator.comparison", "evaluation"): evaluation,
        ("ComparisonReport", "report"): report,
    }
