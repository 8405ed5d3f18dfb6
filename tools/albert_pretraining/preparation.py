"""Everything that training reads, made once and kept: vocabulary, token ids, initial embeddings."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil

import numpy as np

from albert_pretraining import corpus, vocabulary, word_vectors

VOCABULARY_FILE = "vocabulary.model"
COUNTS_FILE = "counts.json"


@dataclasses.dataclass(frozen=True)
class PreparedCorpus:
    """The corpus as training reads it.

    Attributes:
      vocabulary: the trained vocabulary.
      tokens: ids of all training reviews, one after the other, memory-mapped.
      offsets: `[reviews + 1]`, where each review begins and the last one ends.
      held_out_tokens, held_out_offsets: the same for the reviews kept from training.
      embeddings: `[vocabulary, width]`, where the embedding table starts.
      counts: what was read and left out, per split.
    """

    vocabulary: vocabulary.Vocabulary
    tokens: np.ndarray
    offsets: np.ndarray
    held_out_tokens: np.ndarray
    held_out_offsets: np.ndarray
    embeddings: np.ndarray
    counts: dict[str, dict[str, int]]


def prepare(
    folder: pathlib.Path,
    *,
    vocabulary_size: int,
    width: int,
    held_out: int,
    seed: int,
    known_vocabulary: pathlib.Path | None = None,
) -> PreparedCorpus:
    """Loads the prepared corpus from `folder`, making it first where it is missing.

    Args:
      folder: where it is kept; appears only once it is whole.
      vocabulary_size: the number of pieces.
      width: of the initial embeddings.
      held_out: the number of reviews kept from training.
      seed: of the vocabulary, the held-out choice and the factorisation.
      known_vocabulary: a SentencePiece model to use instead of training one.
    """
    if not folder.exists():
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _make(partial, vocabulary_size, width, held_out, seed, known_vocabulary)
        partial.rename(folder)
    return load(folder)


def _make(
    folder: pathlib.Path,
    size: int,
    width: int,
    held_out: int,
    seed: int,
    known_vocabulary: pathlib.Path | None,
) -> None:
    print("reading the corpus ...", flush=True)
    texts, counts = corpus.load_pretraining_texts()
    for split, count in counts.items():
        print(f"  {split}: {count}", flush=True)
    texts = [texts[index] for index in np.random.default_rng(seed).permutation(len(texts))]
    if known_vocabulary is None:
        print("training the vocabulary ...", flush=True)
        vocabulary.train_vocabulary(texts[held_out:], folder / VOCABULARY_FILE, size, seed)
    else:
        shutil.copyfile(known_vocabulary, folder / VOCABULARY_FILE)
    pieces = vocabulary.Vocabulary(folder / VOCABULARY_FILE)
    for name, part in (("held_out_", texts[:held_out]), ("", texts[held_out:])):
        tokens, offsets = pieces.encode(part)
        np.save(folder / f"{name}tokens.npy", tokens)
        np.save(folder / f"{name}offsets.npy", offsets)
    print(f"factorising the word vectors of {len(tokens):,} tokens ...", flush=True)
    vectors = word_vectors.initial_embeddings(tokens, offsets, len(pieces), width, seed=seed)
    np.save(folder / "embeddings.npy", vectors)
    report = {split: dataclasses.asdict(count) for split, count in counts.items()}
    report["tokens"] = {"training": len(tokens), "reviews": len(texts) - held_out}
    report["held_out"] = {"reviews": held_out}
    (folder / COUNTS_FILE).write_text(json.dumps(report, indent=2) + "\n")


def load(folder: pathlib.Path) -> PreparedCorpus:
    """Loads a prepared corpus.

    Raises:
      FileNotFoundError: there is none in `folder`.
    """
    if not folder.exists():
        raise FileNotFoundError(f"No prepared corpus in {folder}. Run pretrain_albert.py first.")

    def array(name: str) -> np.ndarray:
        return np.load(folder / f"{name}.npy", mmap_mode="r")

    return PreparedCorpus(
        vocabulary=vocabulary.Vocabulary(folder / VOCABULARY_FILE),
        tokens=array("tokens"),
        offsets=array("offsets"),
        held_out_tokens=array("held_out_tokens"),
        held_out_offsets=array("held_out_offsets"),
        embeddings=array("embeddings"),
        counts=json.loads((folder / COUNTS_FILE).read_text()),
    )
