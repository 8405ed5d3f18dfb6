import itertools
import json
import types

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs PyTorch: tools/README.md")
pytest.importorskip("safetensors", reason="needs safetensors: tools/README.md")

import torch
from albert_pretraining.pytorch import teacher
from albert_pretraining.pytorch.teacher_vectors import SCALE, TeacherVectors
from safetensors.torch import save_file

PIECES = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "\u2581a", "b", "\u2581good", "\u2581film"]
HIDDEN, INNER, LAYERS = 8, 16, 2


class ToyVocabulary(types.SimpleNamespace):
    def __init__(self):
        begins = np.array([piece.startswith("\u2581") for piece in PIECES])
        super().__init__(pieces=PIECES, starts_word=begins)


class ToyTokenizer:
    """Every letter is a token."""

    def token_to_id(self, name: str) -> int:
        return {"[CLS]": 0, "[SEP]": 1}[name]

    def encode(self, word: str, add_special_tokens: bool):
        assert not add_special_tokens
        return types.SimpleNamespace(ids=[ord(letter) - ord("a") + 2 for letter in word])


def write_teacher(folder) -> teacher.MiniLm:
    """Writes random weights as Hugging Face names them, and reads them."""
    generator = torch.Generator().manual_seed(0)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (30, HIDDEN),
        "embeddings.position_embeddings.weight": (300, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
    }
    parts: dict[str, tuple[int, ...]] = {"embeddings.LayerNorm": (HIDDEN,)}
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        parts |= {
            f"{name}.attention.self.{part}": (HIDDEN, HIDDEN) for part in ("query", "key", "value")
        }
        parts |= {
            f"{name}.attention.output.dense": (HIDDEN, HIDDEN),
            f"{name}.attention.output.LayerNorm": (HIDDEN,),
            f"{name}.intermediate.dense": (INNER, HIDDEN),
            f"{name}.output.dense": (HIDDEN, INNER),
            f"{name}.output.LayerNorm": (HIDDEN,),
        }
    for name, shape in parts.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    weights = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors")
    config = {
        "hidden_size": HIDDEN,
        "num_attention_heads": 2,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return teacher.MiniLm(folder)


def toy_corpus() -> tuple[np.ndarray, np.ndarray]:
    """Twelve reviews; a word has one or two pieces."""
    review = [5, 6, 7, 8]  # "ab good film"
    reviews = [review * (1 + number % 3) for number in range(12)]
    offsets = np.cumsum([0, *map(len, reviews)])
    return np.array(list(itertools.chain(*reviews)), np.uint16), offsets


def lesson(folder, model: teacher.MiniLm) -> teacher.Lesson:
    splitter = teacher.Splitter(ToyVocabulary(), ToyTokenizer())
    return teacher.Lesson(folder, model, splitter, layers=(0, 1), width=3)


def test_chunks_hold_every_word_in_order_and_no_more_than_fits(monkeypatch):
    monkeypatch.setattr(teacher, "PIECES", 16)
    splitter = teacher.Splitter(ToyVocabulary(), ToyTokenizer())
    chunks = list(splitter.chunks([5, 6, 7, 8] * 3, first_word=100))
    assert all(len(chunk.ids) == len(chunk.words) <= 16 for chunk in chunks)
    assert all(chunk.ids[0] == 0 and chunk.ids[-1] == 1 for chunk in chunks)
    words = [word for chunk in chunks for word in chunk.words if word >= 0]
    assert words == sorted(words)
    assert set(words) == set(range(100, 109))


def test_a_word_is_numbered_for_all_of_its_pieces():
    tokens, offsets = np.array([5, 6, 7, 6, 8]), np.array([0, 3, 5])
    numbers = teacher.number_words(tokens, offsets, ToyVocabulary())
    assert numbers.tolist() == [0, 0, 1, 2, 3]  # a review that begins within a word begins one


def test_a_word_s_vector_is_the_mean_of_its_tokens(tmp_path):
    model = write_teacher(tmp_path)
    chunks = [
        teacher.Chunk([0, 4, 5, 6, 1], [-1, 3, 3, 9, -1]),
        teacher.Chunk([0, 7, 1], [-1, 4, -1]),
    ]
    words, vectors = teacher.word_vectors(model, (1,), chunks)
    assert words.tolist() == [3, 4, 9]
    alone = model(torch.tensor([[0, 4, 5, 6, 1]]), torch.ones(1, 5, dtype=torch.long))[1][0]
    torch.testing.assert_close(vectors[0], alone[1:3].mean(0))
    torch.testing.assert_close(vectors[2], alone[3])


def test_components_hold_what_varies_most_at_variance_one():
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(4000, 6, generator=generator) * torch.tensor([9.0, 1, 1, 5, 1, 1]) + 3
    encoded = teacher.Components.of(vectors, 2).encode(vectors) / SCALE
    assert encoded.var(0).mean() == pytest.approx(1, abs=0.1)
    assert abs(np.corrcoef(encoded[:, 0], vectors[:, 0])[0, 1]) > 0.99
    assert abs(np.corrcoef(encoded[:, 1], vectors[:, 3])[0, 1]) > 0.99


def test_an_interrupted_lesson_ends_as_one_that_ran_through(tmp_path, monkeypatch):
    model = write_teacher(tmp_path)
    monkeypatch.setattr(teacher, "REVIEWS", 4)
    tokens, offsets = toy_corpus()
    lesson(tmp_path / "whole", model).give(tokens, offsets, ToyVocabulary())
    encode, calls = teacher.Components.encode, itertools.count(1)

    def interrupt(self, vectors):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return encode(self, vectors)

    monkeypatch.setattr(teacher.Components, "encode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        lesson(tmp_path / "parts", model).give(tokens, offsets, ToyVocabulary())
    with pytest.raises(ValueError, match="4 of 12 reviews"):
        TeacherVectors(tmp_path / "parts")
    lesson(tmp_path / "parts", model).give(tokens, offsets, ToyVocabulary())
    places = torch.arange(len(tokens))
    whole, parts = (TeacherVectors(tmp_path / name).of(places) for name in ("whole", "parts"))
    assert torch.equal(whole, parts)
    assert whole.abs().sum(1).min() > 0
    assert torch.equal(whole[0], whole[1])  # the pieces of one word
