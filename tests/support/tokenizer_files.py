"""Files of tokenizers as transformers writes them, with a handful of tokens."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from albert_tfx.encoders.tokenizers.sentencepiece_model import (
    CONTROL,
    NORMAL,
    UNKNOWN,
    Piece,
    serialize,
)
from albert_tfx.encoders.tokenizers.sentencepiece_model import (
    UNIGRAM as UNIGRAM_MODEL,
)
from tests.support import hugging_face

UNIGRAM_PIECES = ("▁", "▁a", "a", "▁film", "s", "▁9,", "▁9", ",", "9", '"', "▁good", "e", "i", "İ")
ALBERT_SPECIAL = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
UNIGRAM = [(piece, 0.0) for piece in ALBERT_SPECIAL] + [
    (piece, -float(number + 1)) for number, piece in enumerate(UNIGRAM_PIECES)
]
MERGES = (("f", "i"), ("l", "m"), ("fi", "lm"), ("Ġ", "film"), ("Ã", "©"))
_ROBERTA_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def save_word_piece(folder: Path, **settings: Any) -> Path:
    """Writes `vocab.txt`; returns the folder."""
    _write(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", **settings})
    (folder / "vocab.txt").write_text("\n".join(hugging_face.WORDS) + "\n", encoding="utf-8")
    return folder


def save_word_piece_json(folder: Path, **changes: Any) -> Path:
    """Writes a `tokenizer.json` with the same tokens; returns the folder."""
    vocab = {token: number for number, token in enumerate(hugging_face.WORDS)}
    content = {
        "model": {"type": "WordPiece", "vocab": vocab},
        "normalizer": {"type": "BertNormalizer", "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        **changes,
    }
    _write(folder / "tokenizer.json", content)
    return folder


def save_sentence_piece(folder: Path, name: str, pieces: Sequence[str]) -> Path:
    """Writes a SentencePiece model in which earlier pieces are likelier; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = {"<unk>": UNKNOWN} | dict.fromkeys(("<pad>", "[CLS]", "[SEP]", "[MASK]"), CONTROL)
    kinds |= dict.fromkeys(("<s>", "</s>"), CONTROL)
    model = serialize(
        [Piece(text, -float(n), kinds.get(text, NORMAL)) for n, text in enumerate(pieces)],
        UNIGRAM_MODEL,
        b"",
        is_spaced=True,
    )
    (folder / name).write_bytes(model)
    return folder


def save_unigram_json(folder: Path, name: str, **settings: Any) -> Path:
    """Writes a `tokenizer.json` with `UNIGRAM`'s pieces for a class; returns the folder."""
    _write(folder / "tokenizer_config.json", {"tokenizer_class": name, **settings})
    special = [
        {"id": number, "content": piece, "special": True}
        for number, piece in enumerate(ALBERT_SPECIAL)
    ]
    model = {"type": "Unigram", "unk_id": 1, "vocab": UNIGRAM}
    _write(folder / "tokenizer.json", {"model": model, "added_tokens": special})
    return folder


def save_byte_level(folder: Path, **settings: Any) -> Path:
    """Writes `vocab.json` with all bytes and `MERGES`, and `merges.txt`; returns the folder."""
    tokens = [*_ROBERTA_SPECIAL, *byte_tokens(), *("".join(pair) for pair in MERGES), "<mask>"]
    _write(folder / "vocab.json", {token: number for number, token in enumerate(tokens)})
    lines = ["#version: 0.2", *(" ".join(pair) for pair in MERGES)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _write(folder / "tokenizer_config.json", {"tokenizer_class": "RobertaTokenizer", **settings})
    return folder


def save_byte_level_json(folder: Path, **changes: Any) -> Path:
    """Writes a `tokenizer.json` with what `save_byte_level` does; returns the folder."""
    tokens = [*_ROBERTA_SPECIAL, *byte_tokens(), *("".join(pair) for pair in MERGES), "<mask>"]
    model = {
        "type": "BPE",
        "dropout": None,
        "vocab": {token: number for number, token in enumerate(tokens)},
        "merges": [list(pair) for pair in MERGES],
    }
    content = {
        "added_tokens": [{"id": 1, "content": "<pad>", "special": True}],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
        "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]},
        "model": model,
        **changes,
    }
    _write(folder / "tokenizer.json", content)
    return folder


def byte_tokens() -> list[str]:
    """Returns GPT-2's character for each byte: its own where it prints, else from U+0100 on."""
    characters, others = [], 0
    for byte in range(256):
        is_printable = 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174
        characters.append(chr(byte if is_printable else 256 + others))
        others += not is_printable
    return characters


def _write(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")
