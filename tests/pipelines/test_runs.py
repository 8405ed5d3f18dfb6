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


def test_what_components_took_is_that_of_their_last_whole_execution(
    output: Output, records: Records
):
    for state in ("COMPLETE", "COMPLETE", "CACHED", "FAILED"):
        records.execution("Transform", "transform_graph", state)
    records.execution("Pusher", "pushed_model", "FAILED")
    _, second, *_ = records.store.get_executions()
    records.store.put_executions([second])  # which sets the time of its last update
    [second] = records.store.get_executions_by_id([second.id])
    took = second.last_update_time_since_epoch - second.create_time_since_epoch
    names = ["Transform", "Pusher", "ComparisonReport"]
    assert runs.seconds_taken(output.metadata, NAME, names) == {"Transform": took / 1000}


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


def test_runs_are_in_the_order_in_which_they_began_whatever_the_clock(
    output: Output, records: Records, monkeypatch
):
    """ML Metadata numbers what it is given; the clock was set back before the second run."""
    records.execution("ComparisonReport", "report", "COMPLETE")
    records.run("2026-11-28")
    records.execution("ComparisonReport", "report", "COMPLETE")
    store = runs.open_store(Path(output.metadata))
    times = {"2026-11-29": 2000, "2026-11-28": 1000}

    class Store:
        def __getattr__(self, name):
            return getattr(store, name)

        def get_contexts_by_type(self, name):
            contexts = store.get_contexts_by_type(name)
            for each in contexts:
                each.create_time_since_epoch = times[each.name]
            return contexts[::-1]

    monkeypatch.setattr(runs, "open_store", lambda *_: Store())
    found = runs.list_runs(str(output.folder))
    assert [run.name for run in found] == ["2026-11-29", "2026-11-28"]
    assert found[0].started > found[1].started
