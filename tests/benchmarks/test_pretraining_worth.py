import numpy as np
import pretraining_worth
import tensorflow as tf
import tensorflow_hub as hub

from tests.support import models

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
