"""What is known of an encoder before its weights are read; needs no TensorFlow."""

import dataclasses
import hashlib
import os
import re
import reprlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from albert_tfx import sources, storage
from albert_tfx.contract import POOLED_OUTPUT
from albert_tfx.encoders import configuration
from albert_tfx.encoders.checkpoint import Checkpoint
from albert_tfx.encoders.configuration import EncoderConfiguration, path_within, read_json
from albert_tfx.encoders.tokenizers import vocabulary
from albert_tfx.encoders.tokenizers.vocabulary import Vocabulary
from albert_tfx.errors import InputError
from albert_tfx.options import AUTO_POOLING, CLS, MEAN

_CONVERTER = "albert_tfx.encoders.conversion"
# What `conversion.convert` writes into its destination.
ENCODER = "encoder"
PREPROCESSOR = "preprocessor"
FACTS_FILE = "encoder.json"


@dataclasses.dataclass(frozen=True)
class EncoderFacts:
    """Facts about an encoder that came from a Hugging Face model folder.

    Attributes:
      model_type: `model_type` of its `config.json`, such as `bert`.
      positions: Most tokens of a sequence, special tokens included.
      hidden_size: Width of `sequence_output` and `pooled_output`.
      layers: Transformer layers that a token passes; shared ones count as often as they are passed.
      vocabulary_size: Rows of the token embedding.
      parameters: Weights of the encoder.
      has_pooler: Whether the encoder gives `pooled_output`.
      pooling: As the folder's `1_Pooling` states it, such as `mean` or `cls`, several joined by
        `+`; None where there is no such statement.
      fingerprint: 16 hexadecimal digits of the content of all source files that the conversion
        reads, and of the converter's version. A converted encoder is the same for the same
        fingerprint.
      unused: Names of tensors of the folder that belong to no encoder, such as heads of
        pretraining; sorted.
      remarks: Sentences for the user on what the conversion leaves out, without final full stop.
    """

    model_type: str
    positions: int
    hidden_size: int
    layers: int
    vocabulary_size: int
    parameters: int
    has_pooler: bool
    pooling: str | None
    fingerprint: str
    unused: tuple[str, ...]
    remarks: tuple[str, ...]


def is_model_folder(folder: str | os.PathLike[str]) -> bool:
    """Returns whether a local folder is a Hugging Face model's: a `config.json`, no SavedModel."""
    root = Path(folder)
    return (root / "config.json").is_file() and not (root / "saved_model.pb").exists()


def inspect(folder: str | os.PathLike[str]) -> EncoderFacts:
    """Returns the facts about a Hugging Face model folder; imports no TensorFlow.

    Reads the small files whole, of the weights the headers and, for the fingerprint, the bytes.
    What this function accepts, `conversion.convert` converts.

    Args:
      folder: A local folder, as `save_pretrained` writes it.

    Raises:
      InputError: The folder cannot be used: a model of another type, weights that are missing,
        truncated, pickled or of other shapes than the configuration's, a tokenizer that is missing
        or of an unknown kind.
    """
    return open_model(folder).facts


def read(destination: str | os.PathLike[str]) -> EncoderFacts | None:
    """Returns the facts of a folder that `conversion.convert` wrote, None for any other folder."""
    try:
        values = storage.read_json(Path(destination, FACTS_FILE))
        facts = EncoderFacts(**values)
    except (OSError, ValueError, TypeError):
        return None
    return dataclasses.replace(facts, unused=tuple(facts.unused), remarks=tuple(facts.remarks))


def write(destination: Path, facts: EncoderFacts) -> None:
    """Writes the facts into a folder, for `read`."""
    storage.write_json(destination / FACTS_FILE, dataclasses.asdict(facts))


def require_positions(handle: str, positions: int | None, sequence_length: int) -> None:
    """Refuses a sequence length that an encoder has no positions for.

    Args:
      handle: The encoder's, for the error.
      positions: Most tokens of a text; None where that is not known.
      sequence_length: What was asked for.

    Raises:
      InputError: It has fewer.
    """
    if positions is not None and sequence_length > positions:
        raise InputError(
            f"A sequence length of {sequence_length} exceeds the {positions} positions of the "
            f"encoder {handle}",
            f"Give --sequence-length {positions} or less",
        )


def settled_pooling(handle: str, stated: str, has_pooler: bool, pooling: str) -> str:
    """Returns how an encoder's token vectors become one: as asked, or as its folder states.

    Args:
      handle: The encoder's, for the error.
      stated: What its folder states, `mean` where it does not.
      has_pooler: Whether it gives `pooled_output`.
      pooling: What was asked for.

    Raises:
      InputError: It lacks the output that is needed, or its folder states what is not supported.
    """
    settled = stated if pooling == AUTO_POOLING else pooling
    if settled == POOLED_OUTPUT and not has_pooler:
        raise InputError(
            f"The encoder {handle} has no pooler, and gives no {POOLED_OUTPUT}",
            "Leave --pooling out, for the pooling that its folder states, or else the mean",
        )
    if pooling == AUTO_POOLING and settled not in (MEAN, CLS):
        raise InputError(
            f"The encoder {handle} was trained with {settled} pooling, which is not supported",
            f"Choose another with --pooling {MEAN} or --pooling {CLS}, or give another encoder",
        )
    return settled


@dataclasses.dataclass(frozen=True)
class Model:
    """A model folder, checked and ready to be converted."""

    configuration: EncoderConfiguration
    checkpoint: Checkpoint
    vocabulary: Vocabulary
    facts: EncoderFacts


def open_model(folder: str | os.PathLike[str]) -> Model:
    """Checks a model folder as `inspect` does.

    Raises:
      InputError: As `inspect` does.
    """
    root = Path(folder)
    sizes = configuration.read(root)
    checkpoint = Checkpoint(root, sizes)
    tokens = vocabulary.read(root, sizes.model_type)
    if tokens.size > sizes.vocabulary_size:
        raise InputError(
            f"The tokenizer in {folder} has {tokens.size:,} tokens, and the encoder has embeddings "
            f"for {sizes.vocabulary_size:,}",
            "Give the tokenizer that the encoder was trained with",
        )
    pooling, pooling_files, remarks = _pooling(root)
    if checkpoint.unused:
        remarks.append(_unused(checkpoint.unused))
    files = {root / "config.json", *checkpoint.files, *tokens.files, *pooling_files}
    facts = EncoderFacts(
        model_type=sizes.model_type,
        positions=sizes.positions,
        hidden_size=sizes.hidden_size,
        layers=sizes.layers * sizes.inner_layers,
        vocabulary_size=sizes.vocabulary_size,
        parameters=checkpoint.parameters,
        has_pooler=checkpoint.has_pooler,
        pooling=pooling,
        fingerprint=_fingerprint(files),
        unused=checkpoint.unused,
        remarks=tuple(remarks),
    )
    return Model(sizes, checkpoint, tokens, facts)


def _fingerprint(files: Iterable[Path]) -> str:
    digest = hashlib.sha256(sources.fingerprint([_CONVERTER]).encode())
    for path in sorted(files):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name} {content}\n".encode())
    return digest.hexdigest()[:16]


def _unused(names: tuple[str, ...]) -> str:
    parts = sorted({name.partition(".")[0] for name in names})
    return (
        f"Tensors that are no part of the encoder are left out ({len(names)}: {', '.join(parts)})"
    )


def _pooling(root: Path) -> tuple[str | None, list[Path], list[str]]:
    """Returns the pooling that sentence-transformers states, its files, and what is left out.

    The files: https://sbert.net/docs/sentence_transformer/usage/custom_models.html
    """
    listed = root / "modules.json"
    if not os.path.lexists(listed):
        return _pooling_beside(root)
    kinds = _modules(listed)
    left_out = sorted(kinds.keys() - {"Transformer", "Pooling"})
    remarks = [f"{kind} of sentence-transformers is left out" for kind in left_out]
    if "Pooling" not in kinds:
        return None, [listed], remarks
    settings = path_within(root, kinds["Pooling"].get("path"), listed) / "config.json"
    return _stated_pooling(settings), [listed, settings], remarks


def _pooling_beside(root: Path) -> tuple[str | None, list[Path], list[str]]:
    """Returns what `_pooling` does where nothing lists the modules."""
    settings = root / "1_Pooling" / "config.json"
    if not os.path.lexists(settings.parent):
        return None, [], []
    return _stated_pooling(settings), [settings], []


def _modules(listed: Path) -> dict[str, dict[str, Any]]:
    """Returns the modules that `modules.json` lists, by the last part of their type."""
    modules = {}
    for each in read_json(listed, list):
        if not isinstance(each, dict) or not isinstance(each.get("type"), str):
            raise InputError(
                f"{listed} lists {reprlib.repr(each)}, which is no module with a type",
                "Fetch the file again",
            )
        modules[each["type"].rpartition(".")[2]] = each
    return modules


def _stated_pooling(file: Path) -> str | None:
    """Returns the pooling that is switched on; the names of several, joined."""
    settings = read_json(file, dict)
    if "pooling_mode" in settings:  # since version 5
        modes = settings["pooling_mode"]
        named = modes if isinstance(modes, list) else [modes]
        if not named or not all(isinstance(mode, str) and mode for mode in named):
            raise _no_pooling(file, "pooling_mode", modes, "a text, or several in a list")
        return "+".join(named)
    prefix = "pooling_mode_"
    on = []
    for key in filter(lambda key: key.startswith(prefix), settings):
        if not isinstance(settings[key], bool):
            raise _no_pooling(file, key, settings[key], "true or false")
        on += [key] * settings[key]
    names = (re.sub("_tokens?$", "", key.removeprefix(prefix)) for key in on)
    return "+".join(names) or None


def _no_pooling(file: Path, key: str, value: object, expected: str) -> InputError:
    return InputError(f"{file} has {key}: {reprlib.repr(value)}", f"It has to be {expected}")
