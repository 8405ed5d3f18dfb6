"""What a run finds that starts in a folder where something was moved, deleted or damaged."""

import errno
import shutil
from pathlib import Path
from typing import cast

import pytest
from etils import epath
from ml_metadata.proto import metadata_store_pb2 as proto

from albert_tfx.release.production import PRODUCTION, Origin, Production
from albert_tfx.storage import fingerprint
from pipelines.config import PipelineConfig
from pipelines.local import artifact_files
from pipelines.local.reconciliation import reconcile, remember
from pipelines.runs import open_store
from tests.support.metadata import Output, Records

LIVE, DELETED = proto.Artifact.LIVE, proto.Artifact.DELETED


@pytest.fixture
def output(tmp_path: Path) -> Output:
    (tmp_path / "here").mkdir()
    return Output(tmp_path / "here")


def found(output: Output) -> list[str]:
    return reconcile(cast(PipelineConfig, output))


def serve(output: Output, number: int) -> Path:
    version = Path(output.serving, str(number))
    version.mkdir(parents=True)
    (version / "saved_model.pb").write_text(f"graph {number}")
    Origin(output.name, ("no", "yes"), fingerprint(version)).save(version)
    return version


def states(records: Records) -> list[int]:
    return [artifact.state for artifact in records.store.get_artifacts()]


def test_where_nothing_ran_an_empty_database_is_made(output: Output):
    assert found(output) == []
    assert [file.name for file in output.folder.iterdir()] == ["metadata.db"]
    assert open_store(Path(output.metadata)).get_artifacts() == []


def test_a_disk_that_is_full_at_the_start_leaves_no_part_of_a_database(output: Output, monkeypatch):
    """TFX made it table by table: no run could start from the few that there was room for."""

    def fail(self: Path, content: bytes) -> None:
        with self.open("wb") as file:
            file.write(content[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(type(epath.Path(output.folder)), "write_bytes", fail)
    with pytest.raises(OSError, match="No space left"):
        found(output)
    assert not list(output.folder.iterdir())


def test_pushes_after_the_newest_version_that_is_left_are_forgotten(output: Output):
    records = Records(output)
    for version in ("3", "5", "9"):
        records.execution("Pusher", "pushed_model", "COMPLETE", pushed_version=version)
    records.execution("Pusher", "pushed_model", "COMPLETE")
    serve(output, 5)
    assert found(output) == []
    assert states(records) == [LIVE, LIVE, DELETED, LIVE]


@pytest.mark.parametrize("damaged", ["saved_model.pb", "assets.extra/origin.json"])
def test_a_damaged_version_counts_as_never_pushed(output: Output, damaged: str):
    records = Records(output)
    for version in (5, 9):
        records.execution("Pusher", "pushed_model", "COMPLETE", pushed_version=str(version))
        serve(output, version)
    assert found(output) == []
    file = Path(output.serving, "9", damaged)
    file.write_bytes(file.read_bytes()[:-2])
    assert found(output) == [f"{output.serving}/9 is damaged, and counts as never pushed"]
    assert states(records) == [LIVE, DELETED]


@pytest.mark.parametrize("damage", ["cut", "deleted", "emptied folder"])
def test_an_artifact_that_is_damaged_is_made_anew(output: Output, damage: str):
    records = Records(output)
    shards = []
    for component in ("Transform", "EmbeddingGen"):
        folder = Path(records.execution(component, "examples", "COMPLETE"), "Split-train")
        folder.mkdir(parents=True)
        shards.append(folder / "data")
        shards[-1].write_text("records")
    assert found(output) == []
    if damage == "cut":
        shards[1].write_text("rec")
    elif damage == "deleted":
        shards[1].unlink()
    else:
        shutil.rmtree(shards[1].parent)
    uri = f"{output.pipeline_root}/EmbeddingGen/examples/2"
    assert found(output) == [f"{uri} is damaged, and is made anew"]
    assert states(records) == [LIVE, DELETED]
    assert found(output) == []


def test_artifacts_of_no_files_are_whole(output: Output):
    records = Records(output)
    records.execution("ExampleValidator", "anomalies", "COMPLETE")
    assert found(output) == []
    assert found(output) == []
    assert states(records) == [LIVE]


def test_a_folder_that_was_moved_keeps_what_is_served_and_forgets_the_rest(output: Output):
    records = Records(output)
    model = records.execution("ModelSelector", "model", "COMPLETE")
    version = serve(output, 5)
    records.execution(
        "Pusher",
        "pushed_model",
        "COMPLETE",
        pushed_version="5",
        pushed_destination=str(version),
        production=Production(model, "hash", str(version)).to_json(),
    )
    there = Output(output.folder.with_name("there"))
    shutil.move(output.folder, there.folder)
    [sentence] = found(there)
    assert sentence.startswith(f"this folder was {output.folder} before")
    store = open_store(Path(there.metadata))
    selected, push = store.get_artifacts()
    assert (selected.state, push.state) == (DELETED, LIVE)
    assert push.uri == f"{there.pipeline_root}/Pusher/pushed_model/2"
    served = f"{there.serving}/5"
    assert push.custom_properties["pushed_destination"].string_value == served
    production = Production.from_json(push.custom_properties[PRODUCTION].string_value)
    moved = f"{there.pipeline_root}/ModelSelector/model/1"
    assert production == Production(moved, "hash", served)
    assert found(there) == []


def test_a_full_disk_does_not_hide_how_a_run_ended(output: Output, monkeypatch):
    records = Records(output)
    Path(records.execution("Transform", "examples", "COMPLETE")).mkdir(parents=True)

    def refuse(*_) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifact_files, "write_json", refuse)
    remember(cast(PipelineConfig, output))
    with pytest.raises(OSError, match="No space"):
        found(output)


def test_what_a_killed_run_left_running_is_closed_and_named_once(output: Output):
    records = Records(output)
    records.execution("Transform", "transform_graph", "COMPLETE")
    records.execution("Trainer.frozen", "model", "RUNNING")
    records.execution("Trainer.fine_tuned", "model", "RUNNING")
    (sentence,) = found(output)
    assert "stopped or killed in Trainer.fine_tuned" in sentence
    assert "--batch-size" in sentence
    states = [each.last_known_state for each in records.store.get_executions()]
    ended = proto.Execution
    assert states == [ended.COMPLETE, ended.CANCELED, ended.CANCELED]
    assert found(output) == []
