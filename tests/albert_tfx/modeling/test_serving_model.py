"""The exported model, with a tokenizer of three words in place of Transform's graph."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_serving.apis import prediction_log_pb2

from albert_tfx.contract import CLASSIFY_TEXT, INPUT_WORD_IDS, SERVING_DEFAULT, TEXT
from albert_tfx.encoders import conversion
from albert_tfx.modeling import serving_model
from albert_tfx.modeling.classifier import TextClassifier, build_head
from albert_tfx.modeling.encoder import PooledEncoder
from albert_tfx.modeling.serving_model import TextServer
from albert_tfx.options import AnswerOptions, TrainerOptions
from tests.support import hugging_face, models

CLASSES = ["bad", "fair", "good"]
SHARES = np.array([0.25, 0.4, 0.35], np.float32)
TEMPERATURE = 0.1
OPTIONS = AnswerOptions(abstain_below=0.42, abstain_label="none of them")


class WordTokenizer(tf.Module):
    """Looks words up in a file, as a preprocessor of a vocabulary file does."""

    def __init__(self, vocabulary: Path) -> None:
        super().__init__()
        words = tf.lookup.TextFileInitializer(
            str(vocabulary), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER,
        )  # fmt: skip
        self.table = tf.lookup.StaticHashTable(words, default_value=1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def tokenize(self, text: tf.Tensor) -> tf.Tensor:
        ids = self.table.lookup(tf.strings.split(text).to_tensor(default_value="<pad>"))
        return tf.pad(ids, [[0, 0], [1, 0]], constant_values=2)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def measure(self, text: tf.Tensor) -> tf.Tensor:
        """Is of no use to the classifier."""
        return tf.strings.length(text)


class Transform(tf.keras.layers.Layer):
    def __init__(self, loaded) -> None:
        super().__init__()
        self.loaded = loaded

    def call(self, inputs):
        return {INPUT_WORD_IDS: tf.sparse.from_dense(self.loaded.tokenize(inputs[TEXT]))}


class TransformOutput(tft.TFTransformOutput):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def transform_features_layer(self) -> Transform:
        return Transform(tf.saved_model.load(str(self._folder)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serving")


@pytest.fixture(scope="module")
def server(folder: Path) -> TextServer:
    encoder = PooledEncoder(models.save_encoder(folder / "encoder"), "mean", trainable=True)
    options = TrainerOptions("fine_tuned", "")
    classifier = TextClassifier(encoder, build_head(options, models.WIDTH, 3))
    return TextServer(tokenizer(folder), classifier, CLASSES, SHARES, TEMPERATURE, OPTIONS)


def tokenizer(folder: Path) -> serving_model.Tokenizer:
    vocabulary = folder / "vocabulary.txt"
    vocabulary.write_text("<pad>\n<unknown>\n<start>\na\nlovely\nfilm\n")
    tf.saved_model.save(WordTokenizer(vocabulary), str(folder / "transform"))
    vocabulary.unlink()
    return serving_model.Tokenizer(TransformOutput(folder / "transform"))


@pytest.fixture(scope="module")
def exported(server: TextServer, folder: Path) -> Path:
    """The SavedModel, alone, and in another folder than it was written to."""
    server.export(str(folder / "written"))
    shutil.rmtree(folder / "transform")
    shutil.rmtree(folder / "encoder")
    return Path(shutil.move(folder / "written", folder / "moved"))


def test_the_answer_survives_export(server: TextServer, exported: Path):
    texts = tf.constant(["a lovely film", "", "film unheard of"])
    loaded = tf.saved_model.load(str(exported))
    np.testing.assert_allclose(
        loaded.signatures[CLASSIFY_TEXT](text=texts)["probabilities"],
        server.classify_text(texts)["probabilities"],
        atol=1e-6,
    )


def test_a_row_does_not_depend_on_its_neighbours(exported: Path):
    classify = tf.saved_model.load(str(exported)).signatures[CLASSIFY_TEXT]
    texts = ["film", "a " * 40 + "film", "", "a lovely film"]
    together = classify(text=tf.constant(texts))["probabilities"].numpy()
    alone = [classify(text=tf.constant([text]))["probabilities"].numpy()[0] for text in texts]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_large_batch_is_answered_row_by_row(exported: Path):
    classify = tf.saved_model.load(str(exported)).signatures[CLASSIFY_TEXT]
    words = ["a", "lovely", "film", "unheard"]
    texts = [" ".join([words[n % 4]] * (n * 37 % 61)) for n in range(200)]
    together = classify(text=tf.constant(texts))["probabilities"].numpy()
    alone = [classify(text=tf.constant([text]))["probabilities"].numpy()[0] for text in texts]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_large_batch_goes_through_the_encoder_in_parts_of_like_length(
    server: TextServer, monkeypatch: pytest.MonkeyPatch
):
    shapes: list[tf.TensorShape] = []

    def logits(ids: tf.Tensor) -> tf.Tensor:
        shapes.append(ids.shape)
        return tf.cast(ids[:, :3], tf.float32)

    monkeypatch.setattr(server, "_logits", logits)
    tf.config.run_functions_eagerly(True)
    try:
        server.classify_text(tf.constant(["a a" + " a" * (n * 37 % 91) for n in range(200)]))
    finally:
        tf.config.run_functions_eagerly(False)
    assert [rows for rows, _ in shapes] == [64, 64, 64, 8]
    widths = [width for _, width in shapes]
    assert widths == sorted(widths)
    assert widths[0] < 40 < 90 < widths[-1]


def test_the_encoder_meets_few_shapes(server: TextServer, monkeypatch: pytest.MonkeyPatch):
    shapes: set[tuple[int, int]] = set()

    def logits(ids: tf.Tensor) -> tf.Tensor:
        shapes.add(tuple(ids.shape))
        return tf.cast(ids[:, :3], tf.float32)

    monkeypatch.setattr(server, "_logits", logits)
    tf.config.run_functions_eagerly(True)
    try:
        for rows in (*range(1, 64), 127):
            server.classify_text(tf.constant([" a" * (7 * rows % 96)] * rows))
    finally:
        tf.config.run_functions_eagerly(False)
    assert {rows for rows, _ in shapes} == {64, 32, 16, *range(1, 9)}
    assert {width for _, width in shapes} <= {*serving_model.widths(512).tolist()}


@pytest.mark.parametrize("most", [5, 8, 96, 100, 512, 8192])
def test_a_row_is_padded_by_an_eighth_or_seven_tokens_at_most(most: int):
    widths = serving_model.widths(most).tolist()
    lengths = range(most + 1)
    padded = [min(width for width in widths if width >= length) for length in lengths]
    assert widths[-1] == padded[-1] == most
    assert all(w - n <= max(7, n / 8) for n, w in zip(lengths, padded, strict=True) if n)
    assert len(widths) < 100


def test_no_text_at_all_is_an_empty_answer(exported: Path):
    for name, signature in tf.saved_model.load(str(exported)).signatures.items():
        (argument,) = signature.structured_input_signature[1]
        answer = signature(**{argument: tf.constant([], tf.string)})
        assert answer["probabilities"].shape == (0, 3), name
        assert answer["labels"].shape == (0, 3), name
        assert answer["label"].shape == ((0,) if name == CLASSIFY_TEXT else (0, 1)), name
        assert answer["score"].shape == (0,), name


@pytest.mark.parametrize(
    "nothing", ["", "  ", "\n", "unheard", "never heard of", "\U00013000", "<pad>"]
)
def test_a_text_that_tells_nothing_gets_the_shares_of_the_classes(exported: Path, nothing: str):
    classify = tf.saved_model.load(str(exported)).signatures[CLASSIFY_TEXT]
    texts = ["a lovely film", nothing, "a film unheard of", nothing]
    answer = classify(text=tf.constant(texts))
    np.testing.assert_array_equal(answer["probabilities"][1::2], [SHARES, SHARES])
    np.testing.assert_allclose(answer["score"][1::2], SHARES.max())
    assert answer["label"][1].numpy() == OPTIONS.abstain_label.encode()
    alone = classify(text=tf.constant(texts[::2]))["probabilities"]
    np.testing.assert_allclose(answer["probabilities"][::2], alone, atol=1e-6)
    assert np.abs(alone - SHARES).max(axis=1).min() > 0.01


def test_the_temperature_is_in_the_graph(server: TextServer):
    ids = tf.constant([[2, 3, 4, 5], [2, 5, 0, 0]])
    expected = tf.nn.softmax(server._logits(ids) / TEMPERATURE)
    np.testing.assert_allclose(server.classify_ids(ids), expected, atol=1e-6)


def test_label_and_score_are_of_the_probabilities(exported: Path):
    classify = tf.saved_model.load(str(exported)).signatures[CLASSIFY_TEXT]
    words = ["a", "lovely", "film"]
    texts = [" ".join(words[n * m % 3] for m in range(n)) for n in range(1, 40)]
    answer = classify(text=tf.constant(texts))
    probabilities = answer["probabilities"].numpy()
    np.testing.assert_array_equal(answer["score"], probabilities.max(axis=1))
    expected = [
        CLASSES[row.argmax()] if row.max() >= OPTIONS.abstain_below else OPTIONS.abstain_label
        for row in probabilities
    ]
    assert answer["label"].numpy().tolist() == [name.encode() for name in expected]
    assert 0 < expected.count(OPTIONS.abstain_label) < len(expected)


def test_the_signatures_are_those_of_the_contract(exported: Path):
    signatures = tf.saved_model.load(str(exported)).signatures
    inputs = {name: list(s.structured_input_signature[1]) for name, s in signatures.items()}
    assert inputs == {SERVING_DEFAULT: ["examples"], CLASSIFY_TEXT: ["text"]}
    for name, signature in signatures.items():
        outputs = signature.structured_outputs
        assert {key: (spec.dtype, spec.shape.rank) for key, spec in outputs.items()} == {
            "probabilities": (tf.float32, 2),
            "labels": (tf.string, 2),
            "label": (tf.string, 1 if name == CLASSIFY_TEXT else 2),
            "score": (tf.float32, 1),
        }


def test_nothing_is_exported_that_the_signatures_do_not_use(exported: Path):
    proto = (exported / "saved_model.pb").read_bytes()
    assert b"tokenize" in proto
    assert b"measure" not in proto
    assert b"training" not in proto.lower()


def test_the_vocabulary_travels_with_the_model(exported: Path):
    assert [path.name for path in (exported / "assets").iterdir()] == ["vocabulary.txt"]


TEXTS = [b"A short one.", "Très élégant, 日本語.".encode(), b""]


@pytest.fixture
def requests(tmp_path: Path):
    serving_model.write_warmup(str(tmp_path / "model"), TEXTS)
    file = tmp_path / "model" / "assets.extra" / "tf_serving_warmup_requests"
    records = tf.data.TFRecordDataset(str(file)).as_numpy_iterator()
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    assert {log.WhichOneof("log_type") for log in logs} == {"predict_log"}
    return [log.predict_log.request for log in logs]


def test_each_signature_gets_one_text_and_all_of_them(requests):
    seen = [
        (request.model_spec.signature_name, name, tf.make_ndarray(tensor).size)
        for request in requests
        for name, tensor in request.inputs.items()
    ]
    assert seen == [
        ("classify_text", "text", 1),
        ("serving_default", "examples", 1),
        ("classify_text", "text", 3),
        ("serving_default", "examples", 3),
    ]


def test_the_texts_are_the_ones_given(requests):
    assert tf.make_ndarray(requests[2].inputs["text"]).tolist() == TEXTS
    examples = map(tf.train.Example.FromString, tf.make_ndarray(requests[3].inputs["examples"]))
    assert [e.features.feature["text"].bytes_list.value[0] for e in examples] == TEXTS


def example(**features: list[bytes] | list[int]) -> bytes:
    made = tf.train.Example()
    for name, values in features.items():
        of_type = "int64_list" if isinstance(values[0], int) else "bytes_list"
        getattr(made.features.feature[name], of_type).value.extend(values)
    return made.SerializeToString()


@pytest.mark.parametrize(
    "bad",
    [
        example(),
        example(review=[b"good"]),
        example(text=[3]),
        example(text=[b"a", b"b"]),
        b"\xff\xff\xff",
        example(text=[b"a lovely film"])[:-3],
    ],
)
def test_a_bad_example_has_no_answer_and_spoils_no_other(exported: Path, bad: bytes):
    signatures = tf.saved_model.load(str(exported)).signatures
    good = [b"a lovely film", b"film"]
    examples = [bad, example(text=good[:1]), bad, example(text=good[1:])]
    found = signatures[SERVING_DEFAULT](examples=tf.constant(examples))["probabilities"].numpy()
    expected = signatures[CLASSIFY_TEXT](text=tf.constant(good))["probabilities"].numpy()
    np.testing.assert_allclose(found[1::2], expected, atol=1e-6)
    np.testing.assert_array_equal(found[::2], 0.0)
    answer = signatures[SERVING_DEFAULT](examples=tf.constant(examples))
    np.testing.assert_array_equal(answer["score"][::2], 0.0)
    assert answer["label"].numpy()[::2].tolist() == [[b""], [b""]]


@pytest.mark.slow
def test_a_model_in_bfloat16_is_exported_as_it_answers_with_weights_in_float32(tmp_path: Path):
    source = hugging_face.save(tmp_path / "source", "bert")
    conversion.convert(source, tmp_path / "converted")
    encoder = PooledEncoder(
        str(tmp_path / "converted" / "encoder"), "mean", True, inference_precision="bfloat16"
    )
    head = build_head(TrainerOptions("fine_tuned", ""), hugging_face.HIDDEN, 3)
    parts = tokenizer(tmp_path), TextClassifier(encoder, head), CLASSES, SHARES
    served, exact = (TextServer(*parts, in_float32=each) for each in (False, True))
    texts = [b"a lovely film", b"film a film", b"lovely", b"", b"a film unheard of"]
    answers = served.answers(texts)
    assert 1e-6 < np.abs(answers - exact.answers(texts)).max() < 0.02
    found = {}
    for name, each in (("served", served), ("exact", exact)):
        each.export(str(tmp_path / name))
        found[name] = tf.saved_model.load(str(tmp_path / name))
    classify = found["served"].signatures[CLASSIFY_TEXT]
    np.testing.assert_allclose(
        classify(text=tf.constant(texts))["probabilities"], answers, atol=1e-6
    )
    assert {each.dtype for each in found["served"].encoder_variables if each.shape.rank} == {
        tf.float32, tf.int64
    }  # fmt: skip
    in_bfloat16 = {name: products_in_bfloat16(each) for name, each in found.items()}
    assert in_bfloat16 == {"served": 2 * 6, "exact": 0}  # layers, and products of each


def products_in_bfloat16(loaded: Any) -> int:
    """Returns how many operations of `classify_text` multiply in bfloat16."""
    graph = loaded.signatures[CLASSIFY_TEXT].graph.as_graph_def()
    nodes = [*graph.node, *(node for each in graph.library.function for node in each.node_def)]
    assert not [node.op for node in nodes if "Xla" in node.op]
    rounded = [node.op for node in nodes if node.attr["T"].type == tf.bfloat16.as_datatype_enum]
    return sum("MatMul" in operation for operation in rounded)
