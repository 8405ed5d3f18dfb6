import dataclasses
from pathlib import Path

import encoder_shapes
import pytest
from encoder_shapes import EncoderShapes

BASE = EncoderShapes(30_000, 512, 128, 768, 12, 12, 3072)


def product(rows: int, inner: int, columns: int) -> int:
    return 2 * rows * inner * columns


def test_a_pass_costs_its_matrix_products():
    reviews, length, hidden, heads, intermediate = 3, 10, 8, 2, 20
    shapes = EncoderShapes(50, 32, 4, hidden, 5, heads, intermediate)
    tokens = reviews * length
    projections = 4 * product(tokens, hidden, hidden)
    feed_forward = product(tokens, hidden, intermediate) + product(tokens, intermediate, hidden)
    size = hidden // heads
    one_head = product(length, size, length) + product(length, length, size)
    layer = projections + feed_forward + reviews * heads * one_head
    assert shapes.forward_flops(reviews, length) == 5 * layer
    assert shapes.train_flops(reviews, length) == 15 * layer


def test_albert_base_costs_22_billion_operations_at_128_tokens():
    assert BASE.forward_flops(1, 128) == pytest.approx(22.3e9, rel=0.01)


def test_the_products_are_those_of_a_layer():
    assert BASE.matrix_products(2048) == [(2048, 768, 768), (2048, 768, 3072), (2048, 3072, 768)]


def variables_of(shapes: EncoderShapes) -> list[tuple[int, ...]]:
    h, i, size = shapes.hidden, shapes.intermediate, shapes.hidden // shapes.heads
    embeddings = [(rows, shapes.embedding) for rows in (shapes.vocabulary, shapes.positions, 2)]
    attention = [(h, shapes.heads, size), (shapes.heads, size)] * 3 + [(shapes.heads, size, h)]
    return [(), *embeddings, (shapes.embedding, h), *attention, (h, i), (i,), (i, h), (h, h), (h,)]


@pytest.mark.parametrize("shapes", [BASE, EncoderShapes(8000, 512, 96, 192, 4, 3, 768)])
def test_the_sizes_are_found_in_the_variables(shapes: EncoderShapes):
    found = encoder_shapes.from_variables(variables_of(shapes), shapes.layers)
    assert found == shapes


def test_an_encoder_whose_layers_share_nothing_is_refused():
    two_layers = variables_of(BASE) + [(768, 12, 64)] * 3
    with pytest.raises(SystemExit, match="this encoder has 6"):
        encoder_shapes.from_variables(two_layers, layers=2)


def test_the_small_albert_is_read_off_its_files():
    shapes = encoder_shapes.read(encoder_shapes.MINI)
    assert shapes == EncoderShapes(8000, 512, 96, 192, 4, 3, 768)
    assert encoder_shapes.read(encoder_shapes.MINI, layers=2).layers == 2


def test_a_model_of_another_encoder_is_refused(tmp_path: Path):
    import tensorflow as tf

    encoder_shapes.require_within(encoder_shapes.MINI, encoder_shapes.MINI)
    tf.train.Checkpoint(w=tf.Variable([1.0])).write(str(tmp_path / "variables" / "variables"))
    with pytest.raises(SystemExit, match="was not made with the encoder"):
        encoder_shapes.require_within(encoder_shapes.MINI, tmp_path)


def test_transformers_is_told_every_size_and_no_dropout():
    config = BASE.albert_config()
    sizes = [value for key, value in config.items() if not key.endswith("_prob")]
    assert sorted(sizes) == sorted(dataclasses.astuple(BASE))
    assert {value for key, value in config.items() if key.endswith("_prob")} == {0.0}
