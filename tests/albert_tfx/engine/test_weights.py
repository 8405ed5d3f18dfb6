import pytest
import tensorflow as tf

from albert_tfx.engine.weights import EncoderVariables, are_known, of_last_layers

DENSE, NORM = ("kernel", "bias"), ("gamma", "beta")


def of_hub(prefixes: list[str]) -> list[tf.Variable]:
    """Returns variables under the names of tf-models-official, of layers with these prefixes."""
    names = ["word_embeddings/embeddings", "position_embedding/embeddings"]
    names += ["type_embeddings/embeddings", *(f"embeddings/layer_norm/{each}" for each in NORM)]
    names += [f"pooler_transform/{each}" for each in DENSE]
    for prefix in prefixes:
        for part in ("query", "key", "value", "attention_output"):
            names += [f"{prefix}/self_attention/{part}/{each}" for each in DENSE]
        for part in ("intermediate", "output"):
            names += [f"{prefix}/{part}/{each}" for each in DENSE]
        for part in ("self_attention_layer_norm", "output_layer_norm"):
            names += [f"{prefix}/{part}/{each}" for each in NORM]
    shapes = {"attention_output/kernel": [2, 3, 6], "kernel": [6, 2, 3]}
    return [
        tf.Variable(
            tf.zeros(next((s for end, s in shapes.items() if name.endswith(end)), [6])), name=name
        )
        for name in names
    ]


@pytest.mark.parametrize(
    ("prefixes", "layers"),
    [(["transformer"], 1), (["transformer/layer_0", "transformer/layer_1"], 2)],
)
def test_the_variables_of_tf_hubs_encoders_are_found(prefixes: list[str], layers: int):
    found = EncoderVariables.of(of_hub(prefixes))
    assert found.layers == layers
    assert found.heads == 2
    assert found.has_pooler
    assert not found.has_projection
    weights = found.layer(layers - 1)
    assert weights.attention_kernel.shape == [6, 18]
    assert weights.project_kernel.shape == [6, 6]


def test_one_variable_more_or_less_is_another_encoder():
    variables = of_hub(["transformer"])
    for wrong in (variables[1:], [*variables, tf.Variable(0.0, name="transformer/gate")]):
        with pytest.raises(ValueError, match="other names"):
            EncoderVariables.of(wrong)


def test_names_alone_tell_whether_an_encoder_is_known():
    names = [each.name for each in of_hub(["transformer/layer_0", "transformer/layer_1"])]
    assert are_known(names)
    assert not are_known(names[1:])
    assert not are_known([])


def test_the_last_layers_are_found_with_the_pooler():
    names = [each.name for each in of_hub(["transformer/layer_0", "transformer/layer_1"])]
    last = of_last_layers(names, 1)
    assert len(last) == 16 + 2
    assert all("layer_1" in name or "pooler" in name for name in last)
    assert of_last_layers(names, 2) > last


@pytest.mark.parametrize(
    ("prefixes", "count", "passed", "reason"),
    [
        (["transformer"], 1, 12, "share their weights"),
        (["transformer"], 1, None, "share their weights"),
        (["transformer/layer_0", "transformer/layer_1"], 1, 12, "share their weights"),
        (["transformer/layer_0", "transformer/layer_1"], 3, None, "it has 2 layers"),
        (["transformer/gate"], 1, None, "is not known"),
    ],
)
def test_layers_that_cannot_be_trained_alone_are_refused(
    prefixes: list[str], count: int, passed: int | None, reason: str
):
    names = [each.name for each in of_hub(prefixes)]
    with pytest.raises(ValueError, match=reason):
        of_last_layers(names, count, passed)
