import fine_tuning
import tensorflow as tf


def test_batches_are_chosen_evenly_from_short_to_long():
    lengths = [5, 1, 4, 2, 6, 3]
    batches = tf.data.Dataset.from_generator(
        lambda: ((tf.ones([2, length], tf.int32), [0, 1]) for length in lengths),
        output_signature=(tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int64)),
    )
    chosen = fine_tuning.spread(batches, 3).take(6)
    assert [ids.shape[1] for ids, _ in chosen] == [2, 4, 6, 2, 4, 6]
