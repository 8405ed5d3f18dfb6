import real_encoder


def test_tokens_that_only_one_side_has_count_once():
    assert real_encoder.equal_share([[1, 2, 3, 4]], [[1, 9, 3, 4, 4]]) == 0.75
    assert real_encoder.equal_share([[]], [[]]) == 0
    assert real_encoder.equal_share([[1], [2]], [[1], [2]]) == 1
