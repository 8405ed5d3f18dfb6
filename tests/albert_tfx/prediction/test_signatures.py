import pytest
from tensorflow.core.protobuf import meta_graph_pb2

from albert_tfx.prediction import signatures
from albert_tfx.prediction.signatures import Signature


def meta_graph() -> meta_graph_pb2.MetaGraphDef:
    """Returns one with what is to be passed over before, between and behind the signatures."""
    graph = meta_graph_pb2.MetaGraphDef()
    graph.meta_info_def.tags.append("serve")
    graph.meta_info_def.stripped_default_attrs = True
    node = graph.graph_def.node.add(name="x" * 300, op="Const")
    node.attr["value"].f = 0.5
    graph.graph_def.versions.producer = 1 << 30
    graph.asset_file_def.add(filename="vocabulary")
    return graph


def test_the_tensors_of_every_signature_are_found():
    graph = meta_graph()
    for number in range(2):
        signature = graph.signature_def[f"läsa {number}"]
        signature.method_name = "tensorflow/serving/predict"
        for name in ("text", "größe"):
            tensor = signature.inputs[name]
            tensor.name, tensor.dtype = f"{name}_{number}:0", 7
            tensor.tensor_shape.dim.add(size=-1)
        signature.outputs["label"].name = "y" * 200 + ":1"
    graph.signature_def["nothing"].Clear()

    assert signatures.read(graph.SerializeToString()) == {
        **{
            f"läsa {number}": Signature(
                {"text": f"text_{number}:0", "größe": f"größe_{number}:0"},
                {"label": "y" * 200 + ":1"},
            )
            for number in range(2)
        },
        "nothing": Signature({}, {}),
    }


def test_fields_of_every_kind_are_passed_over():
    varint, eight, four = b"\x78\xff\x01", b"\x79" + b"a" * 8, b"\x7d" + b"a" * 4
    found = meta_graph_pb2.MetaGraphDef()
    found.signature_def["one"].outputs["score"].name = "a:0"
    assert signatures.read(varint + eight + four + found.SerializeToString()) == {
        "one": Signature({}, {"score": "a:0"})
    }


@pytest.mark.parametrize(
    "damaged", [b"\x2a", b"\x2a\x05ab", b"\x2a\xff", b"\x79abc", b"\x2b"], ids=bytes.hex
)
def test_what_is_cut_off_or_of_no_known_kind_is_refused(damaged):
    with pytest.raises(ValueError, match=r"a field|an integer"):
        signatures.read(damaged)
