"""Model folders as transformers writes them, tiny and with random weights, and what they compute.

The reference is NumPy's in float64, written from the papers; it shares no code with the project.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

Weights = dict[str, np.ndarray]

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "good", "film", "##s", "bad", ",", ".")
HIDDEN, HEADS, WIDE, POSITIONS, EMBEDDING = 8, 2, 12, 16, 4
_SIZES = {
    "hidden_size": HIDDEN,
    "num_attention_heads": HEADS,
    "intermediate_size": WIDE,
    "max_position_embeddings": POSITIONS,
    "vocab_size": len(WORDS),
    "num_hidden_layers": 2,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "bert": {**_SIZES, "model_type": "bert", "type_vocab_size": 2, "hidden_act": "gelu"},
    "albert": {
        **_SIZES,
        "model_type": "albert",
        "embedding_size": EMBEDDING,
        "type_vocab_size": 2,
        "hidden_act": "gelu_new",
        "num_hidden_layers": 3,
        "num_hidden_groups": 2,
        "inner_group_num": 2,
    },
    "distilbert": {
        "model_type": "distilbert",
        "dim": HIDDEN,
        "n_heads": HEADS,
        "hidden_dim": WIDE,
        "max_position_embeddings": POSITIONS,
        "vocab_size": len(WORDS),
        "n_layers": 2,
        "activation": "relu",
    },
    "roberta": {
        **_SIZES,
        "model_type": "roberta",
        "max_position_embeddings": POSITIONS + 2,
        "type_vocab_size": 1,
        "pad_token_id": 1,
        "layer_norm_eps": 1e-5,
    },
}
# The names of a layer's eight parts.
_BERT = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
)
_ALBERT = (
    "attention.query",
    "attention.key",
    "attention.value",
    "attention.dense",
    "attention.LayerNorm",
    "ffn",
    "ffn_output",
    "full_layer_layer_norm",
)
_DISTILBERT = (
    "attention.q_lin",
    "attention.k_lin",
    "attention.v_lin",
    "attention.out_lin",
    "sa_layer_norm",
    "ffn.lin1",
    "ffn.lin2",
    "output_layer_norm",
)


def save(folder: Path, kind: str = "bert", weights: Weights | None = None, **config: Any) -> Path:
    """Writes a model folder with a WordPiece vocabulary; returns it.

    Args:
      folder: Made where it is not there.
      kind: One of `CONFIGS`.
      weights: Random ones where they are not given.
      config: Values of its `config.json` in place of those of the kind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = {**CONFIGS[kind], **config}
    (folder / "config.json").write_text(json.dumps(settings))
    safetensors.numpy.save_file(
        draw_weights(settings) if weights is None else weights, folder / "model.safetensors"
    )
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    return folder


def draw_weights(config: Mapping[str, Any], seed: int = 1) -> Weights:
    """Returns random weights under the names of transformers, without a prefix."""
    draw = np.random.default_rng(seed)
    return {
        name: (draw.normal(0, 0.5, shape) + (name.endswith("orm.weight"))).astype(np.float32)
        for name, shape in _shapes(config).items()
    }


def _shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    kind, width = config["model_type"], config.get("embedding_size", HIDDEN)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], width),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], width),
        **_pair("embeddings.LayerNorm", (width,)),
    }
    if kind != "distilbert":
        shapes["embeddings.token_type_embeddings.weight"] = (config["type_vocab_size"], width)
        shapes |= _pair("pooler" if kind == "albert" else "pooler.dense", (HIDDEN, HIDDEN))
    if kind == "albert":
        shapes |= _pair("encoder.embedding_hidden_mapping_in", (HIDDEN, width))
    for root in sorted(set(_roots(config))):
        sizes = [(HIDDEN, HIDDEN)] * 4 + [(HIDDEN,), (WIDE, HIDDEN), (HIDDEN, WIDE), (HIDDEN,)]
        for part, size in zip(_parts(kind), sizes, strict=True):
            shapes |= _pair(f"{root}.{part}", size)
    return shapes


def _pair(name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def _parts(kind: str) -> tuple[str, ...]:
    return {"albert": _ALBERT, "distilbert": _DISTILBERT}.get(kind, _BERT)


def _roots(config: Mapping[str, Any]) -> list[str]:
    """Returns the name of each transformer layer that a token passes, in order."""
    kind = config["model_type"]
    if kind == "distilbert":
        return [f"transformer.layer.{n}" for n in range(config["n_layers"])]
    layers = config["num_hidden_layers"]
    if kind != "albert":
        return [f"encoder.layer.{n}" for n in range(layers)]
    groups = config["num_hidden_groups"]
    return [
        f"encoder.albert_layer_groups.{n * groups // layers}.albert_layers.{inner}"
        for n in range(layers)
        for inner in range(config["inner_group_num"])
    ]


def encode(
    config: Mapping[str, Any], weights: Weights, ids: np.ndarray, segments: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns `sequence_output` and, where there is a pooler, `pooled_output`; ids are unpadded."""
    w = {name: values.astype(np.float64) for name, values in weights.items()}
    kind, epsilon = config["model_type"], config.get("layer_norm_eps", 1e-12)
    offset = 2 if kind == "roberta" else 0
    x = w["embeddings.word_embeddings.weight"][ids]
    x = x + w["embeddings.position_embeddings.weight"][offset : offset + ids.shape[1]]
    if kind != "distilbert":
        x = x + w["embeddings.token_type_embeddings.weight"][segments]
    x = _normal(x, w, "embeddings.LayerNorm", epsilon)
    if kind == "albert":
        x = _dense(x, w, "encoder.embedding_hidden_mapping_in")
    for root in _roots(config):
        x = _layer(x, w, [f"{root}.{part}" for part in _parts(kind)], config, epsilon)
    name = "pooler" if kind == "albert" else "pooler.dense"
    return x, np.tanh(_dense(x[:, 0], w, name)) if f"{name}.weight" in w else None


def _layer(
    x: np.ndarray, w: Weights, names: list[str], config: Mapping[str, Any], epsilon: float
) -> np.ndarray:
    query, key, value = (_by_head(_dense(x, w, name)) for name in names[:3])
    scores = query @ key.swapaxes(-1, -2) / math.sqrt(HIDDEN // HEADS)
    chances = np.exp(scores - scores.max(-1, keepdims=True))
    context = (chances / chances.sum(-1, keepdims=True)) @ value
    context = context.swapaxes(1, 2).reshape(x.shape)
    x = _normal(x + _dense(context, w, names[3]), w, names[4], epsilon)
    kind = config.get("hidden_act", config.get("activation", "gelu"))
    return _normal(
        x + _dense(_ACTIVATIONS[kind](_dense(x, w, names[5])), w, names[6]), w, names[7], epsilon
    )


def _by_head(x: np.ndarray) -> np.ndarray:
    return x.reshape(*x.shape[:2], HEADS, HIDDEN // HEADS).swapaxes(1, 2)


def _dense(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _normal(x: np.ndarray, w: Weights, name: str, epsilon: float) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    scale = np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
    return centred / scale * w[f"{name}.weight"] + w[f"{name}.bias"]


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


_ACTIVATIONS = {
    "gelu": lambda x: 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    "gelu_new": _gelu_tanh,
    "relu": lambda x: np.maximum(x, 0),
}
