import frozen_arm
import pytest
from measured_run import MeasuredRun

from tests.support import summaries


def test_the_last_measured_epoch_stands_for_those_after_it():
    # Loading and tracing make the first one long; eight more like the second are to come.
    assert frozen_arm.extrapolated(started=100.0, ends=[130.0, 134.0], epochs=10) == 134 - 100 + 32


def test_nothing_is_added_where_all_epochs_were_measured():
    assert frozen_arm.extrapolated(0.0, [3.0, 5.0], epochs=2) == 5.0


@pytest.mark.parametrize(("state", "again"), [("cached", 0), ("done      7.8 s", 70)])
def test_reviews_are_embedded_again_unless_their_vectors_are_cached(
    monkeypatch, tmp_path, state, again
):
    summary = summaries.changed(examples={"train": 60, "eval": 10, "test": 5})
    output = f"EmbeddingGen   {state}\nTrainer.frozen   done      6.8 s\n"
    options = []

    def run(folder, given):
        options.append(given)
        return MeasuredRun(output, summary, seconds=1.0, peak_memory=1.0)

    monkeypatch.setattr(frozen_arm.measured_run, "run", run)
    assert frozen_arm.embedded_again(tmp_path) == again
    assert options[0] != options[1]


def test_a_second_run_that_trains_no_other_head_proves_nothing(monkeypatch, tmp_path):
    output = "EmbeddingGen   cached\nTrainer.frozen   cached\n"
    measured = MeasuredRun(output, summaries.SUMMARY, seconds=1.0, peak_memory=1.0)
    monkeypatch.setattr(frozen_arm.measured_run, "run", lambda *_: measured)
    with pytest.raises(SystemExit, match="did not train another head"):
        frozen_arm.embedded_again(tmp_path)
