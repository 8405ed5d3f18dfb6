"""The teacher: a MiniLM read from its published files, and its vectors of a corpus's words.

The teacher reads each review in chunks of at most `PIECES` of its own tokens. Every word, parted by
white space, has the mean of its tokens' vectors, two layers' beside each other. Their main
components, together of variance 1, are kept in a byte each.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import nn

from albert_pretraining.pytorch.encoder import (
    NORM_EPSILON,
    Block,
    BlockShape,
    attention_mask,
)
from albert_pretraining.pytorch.teacher_vectors import (
    PROGRESS_FILE,
    SCALE,
    VECTORS_FILE,
    WORDS_FILE,
)
from albert_pretraining.vocabulary import WORD_START, Vocabulary

PIECES = 256  # what all-MiniLM-L6-v2 was used with; its two special tokens included
LAYERS = (2, 4)  # of six, counted from 0; the last serves sentiment least: tools/README.md
WIDTH = 128
REVIEWS = 256  # between two notes of how far it has come
CHUNKS = 32  # read at once
COMPONENT_REVIEWS = 256  # whose words the components are of
COMPONENTS_FILE = "components.pt"


class MiniLm(nn.Module):
    """BERT's architecture with the weights of a folder as Hugging Face publishes it.

    Args:
      folder: with `config.json` and `model.safetensors`.
    """

    def __init__(self, folder: pathlib.Path):
        from safetensors.torch import load_file

        super().__init__()
        config = json.loads((folder / "config.json").read_text())
        weights = load_file(folder / "model.safetensors")
        hidden = config["hidden_size"]
        shape = BlockShape(
            hidden, config["num_attention_heads"], config["intermediate_size"], gelu="none"
        )
        first_segment = weights["embeddings.token_type_embeddings.weight"][0]
        places = weights["embeddings.position_embeddings.weight"] + first_segment
        self.word = nn.Embedding.from_pretrained(weights["embeddings.word_embeddings.weight"])
        self.place = nn.Embedding.from_pretrained(places)
        self.norm = nn.LayerNorm(hidden, NORM_EPSILON)
        blocks = [Block(shape) for _ in range(config["num_hidden_layers"])]
        self.blocks = nn.ModuleList(blocks)
        _load(self.norm, weights, "embeddings.LayerNorm")
        for number, block in enumerate(blocks):
            _load_block(block, weights, f"encoder.layer.{number}")
        self.requires_grad_(False)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
        """Returns the layers' vectors, `[rows, length, hidden]` each, of `[rows, length]` ids."""
        hidden = self.norm(self.word(ids) + self.place.weight[: ids.shape[1]])
        outputs = []
        for block in self.blocks:
            hidden = block(hidden, attention_mask(mask))
            outputs.append(hidden)
        return outputs

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.norm.weight.device


@dataclasses.dataclass(frozen=True)
class Chunk:
    """A part of a review as the teacher reads it.

    Attributes:
      ids: its tokens, special ones included.
      words: of each token the word that it belongs to, counted through the corpus; -1 at special
        tokens.
    """

    ids: list[int]
    words: list[int]


class Splitter:
    """Parts the corpus's token ids into words and chunks of the teacher's tokens.

    Args:
      vocabulary: what the corpus's ids are.
      tokenizer: the teacher's, as the package `tokenizers` loads it.
    """

    def __init__(self, vocabulary: Vocabulary, tokenizer):
        self._pieces = vocabulary.pieces
        self._tokenizer = tokenizer
        self._known: dict[str, list[int]] = {}
        self._first, self._last = (tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]"))

    def chunks(self, tokens: Iterable[int], first_word: int) -> Iterator[Chunk]:
        """Yields the chunks of one review whose first word has the number `first_word`."""
        text = "".join(self._pieces[token] for token in tokens)
        ids, words = [self._first], [-1]
        for number, word in enumerate(text.split(WORD_START)[1:], start=first_word):
            taught = self._tokenize(word)
            if len(ids) + len(taught) >= PIECES:
                yield Chunk([*ids, self._last], [*words, -1])
                ids, words = [self._first], [-1]
            ids += taught
            words += [number] * len(taught)
        yield Chunk([*ids, self._last], [*words, -1])

    def _tokenize(self, word: str) -> list[int]:
        if word not in self._known:
            encoded = self._tokenizer.encode(word, add_special_tokens=False)
            self._known[word] = encoded.ids[: PIECES // 4]
        return self._known[word]


@dataclasses.dataclass(frozen=True)
class Components:
    """The map from a word's vectors to what is kept of them.

    Attributes:
      mean: `[inputs]`.
      projection: `[inputs, width]`, scaled so that the mean variance of what comes out is 1.
    """

    mean: torch.Tensor
    projection: torch.Tensor

    @classmethod
    def of(cls, vectors: torch.Tensor, width: int) -> Components:
        """Returns the first `width` principal components of `[words, inputs]`."""
        mean = vectors.mean(0)
        values, directions = torch.linalg.eigh(torch.cov((vectors - mean).T.double()))
        values, directions = values[-width:].flip(0), directions[:, -width:].flip(1)
        return cls(mean, (directions / values.mean().sqrt()).float())

    def encode(self, vectors: torch.Tensor) -> np.ndarray:
        """Returns int8 `[words, width]`."""
        kept = (vectors - self.mean) @ self.projection
        return (kept * SCALE).round().clamp(-127, 127).to(torch.int8).cpu().numpy()

    def to(self, device: torch.device) -> Components:
        """Returns the same on a device."""
        return Components(self.mean.to(device), self.projection.to(device))


def number_words(tokens: np.ndarray, offsets: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """Returns the number of the word that each token of the corpus belongs to, int32."""
    begins = vocabulary.starts_word[tokens].copy()
    begins[offsets[:-1][np.diff(offsets) > 0]] = True
    return (np.cumsum(begins) - 1).astype(np.int32)


def word_vectors(
    model: MiniLm, layers: Sequence[int], chunks: Sequence[Chunk]
) -> tuple[np.ndarray, torch.Tensor]:
    """Returns the words of some chunks, `[words]`, and their vectors, `[words, inputs]`.

    Args:
      model: the teacher.
      layers: whose vectors stand beside each other, counted from 0.
      chunks: what it reads, all at once.
    """
    ids, mask, words = (torch.from_numpy(part).to(model.device) for part in pad(chunks))
    outputs = model(ids, mask)
    joined = torch.cat([outputs[layer] for layer in layers], -1).float()
    numbers, place = torch.unique(words[words >= 0], return_inverse=True)
    sums = torch.zeros(len(numbers), joined.shape[-1], device=model.device)
    sums.index_add_(0, place, joined[words >= 0])
    return numbers.cpu().numpy(), sums / torch.bincount(place)[:, None]


def pad(chunks: Sequence[Chunk]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns ids, mask and words of some chunks, int64 `[chunks, length]`."""
    shape = (len(chunks), max(len(chunk.ids) for chunk in chunks))
    ids, mask, words = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.full(shape, -1)
    for row, chunk in enumerate(chunks):
        count = len(chunk.ids)
        ids[row, :count], words[row, :count], mask[row, :count] = chunk.ids, chunk.words, 1
    return ids, mask, words


class Lesson:
    """The teacher's vectors for every word of a corpus, in files; goes on where it stopped.

    Args:
      folder: of the files; `TeacherVectors` reads them.
      model: the teacher.
      splitter: makes what it reads.
      layers: whose vectors are kept, counted from 0.
      width: components kept of them.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        model: MiniLm,
        splitter: Splitter,
        layers: Sequence[int] = LAYERS,
        width: int = WIDTH,
    ):
        self._folder = folder
        self._model = model
        self._splitter = splitter
        self._layers = layers
        self._width = width

    @torch.no_grad()
    def give(self, tokens: np.ndarray, offsets: np.ndarray, vocabulary: Vocabulary) -> None:
        """Reads the corpus, or what is left of it.

        Args:
          tokens: ids of all texts, one after the other.
          offsets: `[texts + 1]`, where each text begins and the last one ends.
          vocabulary: what the ids are.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        words = number_words(tokens, offsets, vocabulary)
        np.save(self._folder / WORDS_FILE, words)
        vectors = self._open(int(words[-1]) + 1)
        components = self._components(tokens, offsets, words)
        count = len(offsets) - 1
        for begin in range(self._done(), count, REVIEWS):
            end = min(begin + REVIEWS, count)
            for part in self._batches(tokens, offsets, words, range(begin, end)):
                numbers, values = word_vectors(self._model, self._layers, part)
                vectors[numbers] = components.encode(values)
            vectors.flush()
            replace_text(
                self._folder / PROGRESS_FILE, json.dumps({"reviews": end, "all": count}) + "\n"
            )
            print(f"the teacher has read {end:,} of {count:,} reviews", flush=True)

    def _open(self, words: int) -> np.memmap:
        path = self._folder / VECTORS_FILE
        if not path.exists() or not self._done():
            shape = (words, self._width)
            return np.lib.format.open_memmap(path, "w+", dtype=np.int8, shape=shape)
        return np.lib.format.open_memmap(path, "r+")

    def _done(self) -> int:
        path = self._folder / PROGRESS_FILE
        return json.loads(path.read_text())["reviews"] if path.exists() else 0

    def _components(self, tokens: np.ndarray, offsets: np.ndarray, words: np.ndarray) -> Components:
        """Returns the main components of the first reviews' words, the same at every start."""
        path = self._folder / COMPONENTS_FILE
        if not path.exists():
            first = range(min(COMPONENT_REVIEWS, len(offsets) - 1))
            values = [
                word_vectors(self._model, self._layers, part)[1]
                for part in self._batches(tokens, offsets, words, first)
            ]
            made = Components.of(torch.cat(values).cpu(), self._width)
            partial = path.with_suffix(".partial")
            torch.save(dataclasses.asdict(made), partial)
            partial.replace(path)
        return Components(**torch.load(path, weights_only=True)).to(self._model.device)

    def _batches(
        self, tokens: np.ndarray, offsets: np.ndarray, words: np.ndarray, reviews: range
    ) -> Iterator[list[Chunk]]:
        """Yields the reviews' chunks, those of like length together."""
        chunks = [
            chunk
            for review in reviews
            if offsets[review] < offsets[review + 1]
            for chunk in self._splitter.chunks(
                tokens[offsets[review] : offsets[review + 1]], int(words[offsets[review]])
            )
        ]
        chunks.sort(key=lambda chunk: len(chunk.ids))
        for start in range(0, len(chunks), CHUNKS):
            yield chunks[start : start + CHUNKS]


def replace_text(path: pathlib.Path, text: str) -> None:
    """Writes a file that appears whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


def _load(part: nn.Module, weights: dict[str, torch.Tensor], name: str) -> None:
    for kind in ("weight", "bias"):
        getattr(part, kind).data.copy_(weights[f"{name}.{kind}"])


def _load_block(block: Block, weights: dict[str, torch.Tensor], name: str) -> None:
    for kind in ("weight", "bias"):
        names = [f"{name}.attention.self.{part}.{kind}" for part in ("query", "key", "value")]
        joined = torch.cat([weights[part] for part in names])
        getattr(block.query_key_value, kind).data.copy_(joined)
    _load(block.attention_output, weights, f"{name}.attention.output.dense")
    _load(block.attention_norm, weights, f"{name}.attention.output.LayerNorm")
    _load(block.intermediate, weights, f"{name}.intermediate.dense")
    _load(block.output, weights, f"{name}.output.dense")
    _load(block.output_norm, weights, f"{name}.output.LayerNorm")
