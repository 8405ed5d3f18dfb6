"""An encoder of one layer, of random weights, for what is to be measured beside the encoder."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import predictions
import safetensors.numpy

_HIDDEN, _HEADS, _INTERMEDIATE, _POSITIONS, _WORDS = 32, 2, 64, 64, 2000
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_SQUARES = ("attention.self.query", "attention.self.key", "attention.self.value")
_CONFIG = {
    "model_type": "bert",
    "hidden_size": _HIDDEN,
    "num_attention_heads": _HEADS,
    "intermediate_size": _INTERMEDIATE,
    "max_position_embeddings": _POSITIONS,
    "num_hidden_layers": 1,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
}


def save(folder: Path) -> Path:
    """Writes a BERT's folder, which knows words of the sample reviews; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    words = [*_SPECIAL, *_common_words()]
    config = {**_CONFIG, "vocab_size": len(words)}
    draw = np.random.default_rng(1)
    weights = {
        name: np.ones(shape, np.float32)
        if name.endswith("LayerNorm.weight")
        else draw.normal(0, 0.1, shape).astype(np.float32)
        for name, shape in _shapes(len(words)).items()
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    safetensors.numpy.save_file(weights, folder / "model.safetensors")
    return folder


def _common_words() -> list[str]:
    counted = Counter(
        word.strip(".,!?\"'()").lower() for text in predictions.lines(2000) for word in text.split()
    )
    return [word for word, _ in counted.most_common(_WORDS) if word.isalpha()]


def _shapes(words: int) -> dict[str, tuple[int, ...]]:
    embeddings, layer = "embeddings", "encoder.layer.0"
    norms = (f"{embeddings}.LayerNorm", f"{layer}.attention.output.LayerNorm")
    pairs = {
        **{f"{layer}.{name}": (_HIDDEN, _HIDDEN) for name in _SQUARES},
        f"{layer}.attention.output.dense": (_HIDDEN, _HIDDEN),
        f"{layer}.intermediate.dense": (_INTERMEDIATE, _HIDDEN),
        f"{layer}.output.dense": (_HIDDEN, _INTERMEDIATE),
        "pooler.dense": (_HIDDEN, _HIDDEN),
        **dict.fromkeys((*norms, f"{layer}.output.LayerNorm"), (_HIDDEN,)),
    }
    return {
        f"{embeddings}.word_embeddings.weight": (words, _HIDDEN),
        f"{embeddings}.position_embeddings.weight": (_POSITIONS, _HIDDEN),
        f"{embeddings}.token_type_embeddings.weight": (2, _HIDDEN),
        **{f"{name}.weight": shape for name, shape in pairs.items()},
        **{f"{name}.bias": shape[:1] for name, shape in pairs.items()},
    }
