import dataclasses
import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs PyTorch: tools/README.md")

import torch
from albert_pretraining.pytorch import (
    checkpoints,
    conversion,
    encoder,
    export,
    pretrainer,
    training,
)

from tests.support import pretraining

SHAPE = dataclasses.replace(pretraining.SHAPE, layers=3)


def drawn_encoder(seed: int = 0) -> encoder.Encoder:
    """An encoder all of whose weights matter, biases and norms too."""
    made = pretrainer.build_encoder(SHAPE).requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    for parameter in made.parameters():
        parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return made


def inputs() -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(0)
    ids = generator.integers(5, 40, (3, 20)).astype(np.int32)
    mask = (np.arange(20) < np.array([[20], [13], [2]])).astype(np.int32)
    return ids * mask, mask, generator.integers(0, 2, (3, 20)).astype(np.int32)


def test_converted_weights_give_equal_outputs():
    pytest.importorskip("official.nlp", reason="needs the tools environment: tools/README.md")
    made = drawn_encoder()
    arrays = conversion.to_arrays(made, SHAPE.attention_heads)
    exported = conversion.build_tensorflow_encoder(SHAPE, arrays)
    ids, mask, segments = inputs()
    expected = exported([ids, mask, segments])
    layers, pooled = made(*(torch.from_numpy(part).long() for part in (ids, mask, segments)))
    tokens = mask.astype(bool)
    pairs = zip(layers, expected["encoder_outputs"], strict=True)
    for left, right in [*pairs, (layers[-1], expected["sequence_output"])]:
        np.testing.assert_allclose(left.numpy()[tokens], right.numpy()[tokens], atol=1e-4)
    np.testing.assert_allclose(pooled.numpy(), expected["pooled_output"].numpy(), atol=1e-4)


def test_weights_survive_the_way_there_and_back():
    made, other = drawn_encoder(), drawn_encoder(seed=1)
    conversion.from_arrays(other, conversion.to_arrays(made, SHAPE.attention_heads))
    for name, parameter in made.named_parameters():
        assert torch.equal(parameter, other.get_parameter(name)), name


def test_weights_of_another_shape_are_refused():
    arrays = conversion.to_arrays(drawn_encoder(), SHAPE.attention_heads)
    arrays[-1] = np.zeros(17, np.float32)
    with pytest.raises(ValueError, match="another shape"):
        conversion.from_arrays(drawn_encoder(), arrays)


def test_padding_changes_nothing():
    made = drawn_encoder()
    ids, mask, segments = (torch.from_numpy(part).long() for part in inputs())
    layers, pooled = made(ids, mask, segments)
    alone, pooled_alone = made(ids[1:2, :13], mask[1:2, :13], segments[1:2, :13])
    torch.testing.assert_close(layers[-1][1:2, :13], alone[-1])
    torch.testing.assert_close(pooled[1:2], pooled_alone)


def test_attention_by_its_parts_is_pytorch_s_own():
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randn((3, 2, 20, 4), generator=generator).requires_grad_() for _ in range(3)]
    mask = torch.from_numpy(inputs()[1])
    expected = torch.nn.functional.scaled_dot_product_attention(
        *drawn, attn_mask=mask.bool()[:, None, None, :]
    )
    mixed = encoder.attend(*drawn, encoder.attention_mask(mask))
    torch.testing.assert_close(mixed, expected)
    weights = torch.randn(mixed.shape, generator=generator)
    for left, right in zip(
        torch.autograd.grad(mixed, drawn, weights),
        torch.autograd.grad(expected, drawn, weights),
        strict=True,
    ):
        torch.testing.assert_close(left, right)


def test_an_averaged_checkpoint_is_exported_for_tf_hub(tmp_path):
    pytest.importorskip("official.nlp", reason="needs the tools environment: tools/README.md")
    from albert_pretraining import export as exporter

    options = training.TrainingOptions(tokens=1, shape=SHAPE)
    training.write_options(tmp_path, options)
    drawn = {f"encoder.{name}": value for name, value in drawn_encoder().state_dict().items()}
    checkpoints.Checkpoints(tmp_path / "checkpoints").save(7, {"averaged": drawn})
    made, step = export.restore_averaged(tmp_path)
    assert step == 7
    vocabulary, folder = tmp_path / "vocabulary.model", tmp_path / "exported"
    vocabulary.write_bytes(b"no text is read here")
    exporter.export_encoder(export.to_tensorflow(made, tmp_path), SHAPE, vocabulary, folder)
    names = ("input_word_ids", "input_mask", "input_type_ids")
    batch = dict(zip(names, inputs(), strict=True))
    assert exporter.verify_encoder(export.Expected(made), folder, batch) < 1e-4
    with pytest.raises(AssertionError, match="export again"):
        exporter.verify_encoder(export.Expected(drawn_encoder(seed=1)), folder, batch)


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="No checkpoint"):
        export.restore_averaged(tmp_path)


def test_the_card_names_start_objective_and_teacher(tmp_path):
    weights = pretrainer.Weights(teacher=10.0)
    options = training.TrainingOptions(tokens=40_960_000, weights=weights, start="albert_en_mini")
    training.write_options(tmp_path, options)
    trained = export.describe_training(tmp_path, step=10)
    assert "earlier export, `albert_en_mini`" in trained.recipe
    assert "ELECTRA" in trained.recipe
    assert "all-MiniLM-L6-v2" in trained.recipe
    assert trained.seen == 40_960
    training.write_options(tmp_path, training.TrainingOptions(tokens=1, objective="masked"))
    assert "MiniLM" not in export.describe_training(tmp_path, step=0).recipe
