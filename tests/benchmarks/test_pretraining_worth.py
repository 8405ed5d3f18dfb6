import numpy as np
import pretraining_worth
import tensorflow as tf
import tensorflow_hub as hub
from measured_run import MeasuredRun

from tests.support import models
from tests.support.summaries import SUMMARY

IDS = tf.constant([[2, 9, 8, 3]])
INPUTS = {"input_word_ids": IDS, "input_mask": tf.ones_like(IDS), "input_type_ids": IDS * 0}


def test_random_weights_are_as_many_and_others_and_the_interface_stays(tmp_path):
    tiny = tmp_path / "tiny"
    models.save_encoder(tiny)
    pretraining_worth.save_with_random_weights(tiny, tmp_path / "random")
    before, after = (hub.KerasLayer(str(tmp_path / name)) for name in ("tiny", "random"))
    assert before(INPUTS).keys() == after(INPUTS).keys()
    for one, other in zip(before.variables, after.variables, strict=True):
        assert one.shape == other.shape
        if "bias" in one.name:
            assert not np.any(other)
        else:
            assert not np.any(np.isclose(one, other, rtol=1e-6, atol=0))
            assert 0 < np.std(other) <= pretraining_worth.DEVIATION


def test_the_gain_is_paired():
    labels = np.array([0, 1] * 50)
    right = np.eye(2)[labels]
    frozen = right.copy()
    frozen[:20] = 1 - frozen[:20]
    run = MeasuredRun("Transform  done  7.5 s", SUMMARY, seconds=60, peak_memory=0)
    found = {"frozen": frozen, "fine_tuned": right}
    listed = pretraining_worth.figures_of("mini", run, found, labels, 256)
    figures = {figure.name.removeprefix("mini, "): figure for figure in listed}
    assert len(figures) == len(listed)
    assert figures["frozen, 100 test reviews"].value == 0.8
    assert figures["frozen, 100 test reviews"].bar == ">= 0.85"
    assert figures["fine_tuned, 100 test reviews"].value == 1
    np.testing.assert_allclose(figures["gained, value"].value, 0.2)
    # Normal interval of a share of 0.2 among 100: 1.96 standard errors of 0.04.
    np.testing.assert_allclose(figures["gained, lower"].value, 0.2 - 1.96 * 0.04, atol=2e-3)
    np.testing.assert_allclose(figures["gained, upper"].value, 0.2 + 1.96 * 0.04, atol=2e-3)
    assert figures["whole run"].value == 1
    assert figures["Transform"].value == 7.5
