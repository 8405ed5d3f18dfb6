"""What a model folder says about tokens: which there are, and how text is cut into them.

Reads `vocab.txt`, SentencePiece models, `vocab.json` with `merges.txt`, or `tokenizer.json` alone.
Needs no TensorFlow.
"""

import dataclasses
import math
import os
import struct
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from albert_tfx.encoders.configuration import ALBERT, read_bytes, read_json
from albert_tfx.encoders.tokenizers import tokenizer_json
from albert_tfx.encoders.tokenizers.sentencepiece_model import (
    BPE,
    CONTROL,
    NORMAL,
    UNIGRAM,
    UNKNOWN,
    USER_DEFINED,
    Piece,
    read_pieces,
    serialize,
)
from albert_tfx.errors import InputError

_SETTINGS = "tokenizer_config.json"
_TOKENIZER = "tokenizer.json"
# What reading raises where a file is not laid out as it should be.
_DAMAGE = (
    *(AttributeError, KeyError, IndexError, TypeError, ValueError),
    *(OverflowError, RecursionError, struct.error),
)
_FETCH_AGAIN = "Fetch the model again, with the files of its tokenizer"
# An embedding may have rows to spare: up to the next multiple of 128, for the sake of speed.
_SPARE_ROWS = 128
# Of the tokens that two others make, the share that a byte-level vocabulary may have no merge for.
_UNMERGED = 0.01
_SPECIAL_KEYS = ("unk_token", "pad_token", "cls_token", "sep_token", "mask_token")
_BERT_SPECIAL = ("[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]")
_ALBERT_SPECIAL = ("<unk>", "<pad>", "[CLS]", "[SEP]", "[MASK]")
_ROBERTA_SPECIAL = ("<unk>", "<pad>", "<s>", "</s>", "<mask>")
# The ids of XLM-RoBERTa, whose SentencePiece model orders its first tokens otherwise; see
# transformers' `XLMRobertaTokenizer`.
_FAIRSEQ = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Tokens and their ids, moved so that padding has the id 0.

    The ids are those of the encoder's embedding but for two that have changed places: 0 and
    `padding_row`.

    Attributes:
      files: Source files.
      special: Ids of the tokens `unk_token`, `pad_token`, `cls_token`, `sep_token`, `mask_token`.
      literals: Ids of tokens that are recognised as they are in a text, before anything else.
      mask_text: The text of `mask_token`.
      padding_row: Row of padding in the encoder's embedding.
      size: Number of ids.
      is_lower_cased: Whether text is lower-cased.
    """

    files: tuple[Path, ...]
    special: Mapping[str, int]
    literals: Mapping[str, int]
    mask_text: str
    padding_row: int
    size: int
    is_lower_cased: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class WordPieceVocabulary(Vocabulary):
    """BERT's vocabulary.

    Attributes:
      tokens: The token of each id; one that is listed twice has a name of its own at its first id.
      strips_accents: Whether accents are removed.
      splits_chinese: Whether each Chinese character is a word.
    """

    tokens: tuple[str, ...]
    strips_accents: bool
    splits_chinese: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class SentencePieceVocabulary(Vocabulary):
    """A SentencePiece model.

    Attributes:
      model: The serialized model.
      ids: The id of each piece of the model.
      pieces: The pieces themselves.
      is_albert: Whether text goes through the preparation of ALBERT.
      strips_accents: Whether accents are removed.
      collapses_space: Whether runs of white space become one space.
      needs_nfkc: Whether the model lacks its own normalisation, Unicode's NFKC or nearly so.
    """

    model: bytes
    ids: tuple[int, ...]
    pieces: tuple[str, ...]
    is_albert: bool
    strips_accents: bool
    collapses_space: bool
    needs_nfkc: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class ByteLevelVocabulary(Vocabulary):
    """RoBERTa's byte-level vocabulary, as a SentencePiece model of type BPE.

    Each byte is the character of its number, but for the space and the zero byte: those are Ġ and
    Ā, as in GPT-2's table.

    Attributes:
      model: The serialized model.
      ids: The id of each piece of the model.
      adds_prefix_space: Whether a space is put before a text that begins with none.
    """

    model: bytes
    ids: tuple[int, ...]
    adds_prefix_space: bool


def read(folder: str | os.PathLike[str], model_type: str) -> Vocabulary:
    """Reads the tokenizer of a model folder.

    Args:
      folder: The model folder.
      model_type: The encoder's, which decides where the folder names no tokenizer.

    Raises:
      InputError: There is no tokenizer, it is damaged, or of a kind that is not supported.
    """
    source = _Source(Path(folder))
    try:
        source.read_settings()
        return _READERS[source.kind(model_type)](source)
    except tokenizer_json.DifferenceError as error:
        raise source.error(str(error), _TOKENIZER) from error
    except _DAMAGE as error:
        cause = f"it is damaged ({type(error).__name__}: {error})"
        raise source.error(cause, source.files[-1].name) from error


class _Source:
    """The files of a tokenizer, and what its settings say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[Path] = []
        self.settings: dict[str, Any] = {}
        self._special_tokens: dict[str, Any] = {}
        self.lower_cases_first = False

    def read_settings(self) -> None:
        self.settings = self.optional_json(_SETTINGS)
        self._special_tokens = self.optional_json("special_tokens_map.json")
        self.lower_cases_first = bool(
            self.optional_json("sentence_bert_config.json").get("do_lower_case")
        )

    def optional_json(self, name: str) -> dict[str, Any]:
        return self.json(name) if (self.folder / name).exists() else {}

    def json(self, name: str) -> dict[str, Any]:
        self._note(name)
        return read_json(self.folder / name, dict)

    def bytes(self, name: str) -> bytes:
        self._note(name)
        return read_bytes(self.folder / name)

    def has(self, *names: str) -> bool:
        return all((self.folder / name).exists() for name in names)

    def model(self, kind: str, *others: str) -> dict[str, Any]:
        """Returns `tokenizer.json`, whose model has to be of a kind."""
        if not self.has(_TOKENIZER):
            raise InputError(
                f"{self.folder} holds no {' or '.join((*others, _TOKENIZER))}",
                _FETCH_AGAIN,
            )
        values = self.json(_TOKENIZER)
        model = values.get("model")
        if not isinstance(model, dict) or model.get("type", kind) != kind or "vocab" not in model:
            raise self.error(f"its model is not of the type {kind}", _TOKENIZER)
        return values

    def error(self, cause: str, name: str) -> InputError:
        return InputError(
            f"The tokenizer {self.folder / name} cannot be used: {cause}",
            "Give an encoder whose tokenizer is BERT's, ALBERT's, RoBERTa's or XLM-RoBERTa's",
        )

    def cut(self, cause: str, name: str) -> InputError:
        return InputError(f"{self.folder / name} seems to be cut: {cause}", _FETCH_AGAIN)

    def embedding_rows(self) -> int:
        """Returns the rows of the encoder's embedding, 0 where they are not known."""
        if not self.has("config.json"):
            return 0
        rows = read_json(self.folder / "config.json", dict).get("vocab_size")
        return rows if isinstance(rows, int) else 0

    def special_tokens(self, defaults: Sequence[str]) -> dict[str, str]:
        """Returns the text of each special token by its key."""
        named = {**self._special_tokens, **self.settings}
        pairs = zip(_SPECIAL_KEYS, defaults, strict=True)
        return {key: _text(named.get(key)) or default for key, default in pairs}

    def added_tokens(self) -> list[dict[str, Any]]:
        """Returns the tokens that were added to a vocabulary, each with its `id` and `content`."""
        decoder = self.settings.get("added_tokens_decoder") or {}
        added = [{**token, "id": int(index)} for index, token in decoder.items()]
        if not added and self.has(_TOKENIZER):
            added = self.json(_TOKENIZER).get("added_tokens") or []
        if not decoder:
            listed = self.optional_json("added_tokens.json")
            added = [*added, *({"content": text, "id": index} for text, index in listed.items())]
        for token in added:
            self._check_added(token)
        return added

    def _check_added(self, token: Mapping[str, Any]) -> None:
        content = token["content"]
        if not isinstance(content, str) or not content or type(token["id"]) is not int:
            raise ValueError(f"an added token is {content!r}, of the id {token['id']!r}")
        if token.get("single_word"):
            raise self.error(
                f"its added token {content!r} is one only as a word of its own", self.files[-1].name
            )

    def setting(self, name: str, default: bool) -> bool:
        value = self.settings.get(name)
        if not isinstance(value, int | None):  # true and false are whole numbers, too
            raise self.error(f"its {name} is {value!r}", _SETTINGS)
        return default if value is None else bool(value)

    def _note(self, name: str) -> None:
        if self.folder / name not in self.files:
            self.files.append(self.folder / name)

    def kind(self, model_type: str) -> str:
        named = self.settings.get("tokenizer_class")
        if named is None:
            named = self.optional_json("config.json").get("tokenizer_class")
        name = str(named or "PreTrainedTokenizer").removesuffix("Fast")
        if name not in _KINDS:
            raise self.error(f"the class {named} is not supported", _SETTINGS)
        return _KINDS[name] or self._kind_of_files(model_type)

    def _kind_of_files(self, model_type: str) -> str:
        if self.has("spiece.model"):
            return _ALBERT_SENTENCE_PIECE
        if self.has("sentencepiece.bpe.model"):
            return _XLM_SENTENCE_PIECE
        if self.has("vocab.json", "merges.txt"):
            return _BYTE_LEVEL
        if self.has("vocab.txt") or not self.has(_TOKENIZER):
            return _WORD_PIECE
        model = self.json(_TOKENIZER).get("model")
        if not isinstance(model, dict):
            raise self.error("it has no model", _TOKENIZER)
        unigram = _ALBERT_SENTENCE_PIECE if model_type == ALBERT else _XLM_SENTENCE_PIECE
        return {"Unigram": unigram, "BPE": _BYTE_LEVEL}.get(str(model.get("type")), _WORD_PIECE)


def _text(token: object) -> str | None:
    """Returns the text of a token, which a file gives as such or as an object with `content`."""
    return token.get("content") if isinstance(token, dict) else token  # type: ignore[return-value]


class _Ids:
    """Ids with those of padding and 0 swapped."""

    def __init__(self, padding: int) -> None:
        self.padding = padding

    def __call__(self, index: int) -> int:
        return {0: self.padding, self.padding: 0}.get(index, index)


def _common(source: _Source, index: Mapping[str, int], defaults: Sequence[str]) -> dict[str, Any]:
    """Returns the fields that all vocabularies share.

    Args:
      source: The tokenizer.
      index: The id of each token in the encoder's embedding.
      defaults: The special tokens where the files name none.
    """
    if any(type(number) is not int or number < 0 for number in index.values()):
        raise ValueError("an id is no whole number of at least 0")
    "".join(index).encode()
    special = source.special_tokens(defaults)
    missing = [token for token in special.values() if token not in index]
    if missing:
        raise source.error(f"it has no token {missing[0]!r}", source.files[-1].name)
    move = _Ids(index[special["pad_token"]])
    return {
        "files": tuple(source.files),
        "special": {key: move(index[token]) for key, token in special.items()},
        "literals": {token: move(index[token]) for token in special.values()},
        "mask_text": special["mask_token"],
        "padding_row": move.padding,
        "size": max(index.values()) + 1,
    }


def _word_piece(source: _Source) -> WordPieceVocabulary:
    normalizer: Mapping[str, Any] = {}
    if source.has("vocab.txt"):
        content = source.bytes("vocab.txt")
        tokens = _lines(content, source, "vocab.txt")
        _check_whole(content, len(tokens), source)
    else:
        values = source.model("WordPiece", "vocab.txt")
        tokens = _by_id(values["model"]["vocab"], source)
        special = source.special_tokens(_BERT_SPECIAL)
        normalizer = tokenizer_json.check_word_piece(values, special)
    tokens, added = _with_added(tokens, source)
    index = {token: number for number, token in enumerate(tokens)}
    common = _common(source, index, _BERT_SPECIAL)
    lower = source.setting("do_lower_case", normalizer.get("lowercase", True))
    accents = source.settings.get("strip_accents", normalizer.get("strip_accents"))
    if not isinstance(accents, int | None):
        raise source.error(f"its strip_accents is {accents!r}", _SETTINGS)
    row = common["padding_row"]
    tokens = _without_duplicates(tokens, index)
    tokens[0], tokens[row] = tokens[row], tokens[0]
    common["literals"].update({token: _Ids(row)(index[token]) for token in added})
    return WordPieceVocabulary(
        **common,
        tokens=tuple(tokens),
        is_lower_cased=lower or source.lower_cases_first,
        strips_accents=lower if accents is None else bool(accents),
        splits_chinese=source.setting(
            "tokenize_chinese_chars", normalizer.get("handle_chinese_chars", True)
        ),
    )


def _check_whole(content: bytes, tokens: int, source: _Source) -> None:
    """Refuses a list that ends within a line and has far fewer tokens than the embedding has rows.

    The number alone tells nothing: some embeddings have a thousand rows and more to spare, see
    https://github.com/dbmdz/berts/issues/7 and https://github.com/IndoNLP/indonlu/issues/33.
    """
    rows = source.embedding_rows()
    if not content.endswith((b"\n", b"\r")) and rows - tokens >= _SPARE_ROWS:
        raise source.cut(
            f"it has {tokens:,} tokens, the last without the end of its line, and the encoder has "
            f"embeddings for {rows:,}",
            "vocab.txt",
        )


def _lines(content: bytes, source: _Source, name: str) -> list[str]:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise source.error(f"it is not in UTF-8 ({error.reason})", name) from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]


def _by_id(ids: Mapping[str, int], source: _Source) -> list[str]:
    """Returns the tokens in the order of their ids, which have to be 0, 1, 2 and so on."""
    ordered = sorted(ids, key=ids.__getitem__)
    if [ids[token] for token in ordered] != list(range(len(ordered))):
        raise source.error("its ids have gaps", _TOKENIZER)
    return ordered


def _with_added(tokens: list[str], source: _Source) -> tuple[list[str], list[str]]:
    """Returns tokens with those that were added behind them, and all that were added at all."""
    added = {token["id"]: token["content"] for token in source.added_tokens()}
    behind = [added[number] for number in sorted(added) if number >= len(tokens)]
    if sorted(number for number in added if number >= len(tokens)) != list(
        range(len(tokens), len(tokens) + len(behind))
    ):
        raise source.error("the ids of its added tokens have gaps", _SETTINGS)
    return tokens + behind, list(added.values())


def _without_duplicates(tokens: Sequence[str], index: Mapping[str, int]) -> list[str]:
    # The zero byte is in no text that reaches the vocabulary; the ends of lines are in no word.
    return [
        token if index[token] == number and not {"\n", "\r"} & set(token) else f"\0{number}"
        for number, token in enumerate(tokens)
    ]


def _added_ids(source: _Source, index: Mapping[str, int]) -> dict[str, int]:
    """Returns the id of each added token, which must not be another token's."""
    added = {token["content"]: token["id"] for token in source.added_tokens()}
    tokens = {number: token for token, number in index.items()}
    for content, number in added.items():
        if index.get(content, number) != number or tokens.get(number, content) != content:
            raise source.error(
                f"its added token {content!r} has the id {number}, and its vocabulary has another",
                source.files[-1].name,
            )
    return added


def _with_added_literals(
    source: _Source, index: Mapping[str, int], defaults: Sequence[str]
) -> dict[str, Any]:
    """Returns what `_common` does, with the added tokens among the ids and the literals."""
    added = _added_ids(source, index)
    common = _common(source, {**index, **added}, defaults)
    move = _Ids(common["padding_row"])
    common["literals"].update({token: move(number) for token, number in added.items()})
    return common


def _albert(source: _Source) -> SentencePieceVocabulary:
    model, pieces, needs_nfkc, steps = _sentence_piece_model(source, "spiece.model")
    index = {piece: number for number, piece in enumerate(pieces)}
    common = _with_added_literals(source, index, _ALBERT_SPECIAL)
    move = _Ids(common["padding_row"])
    lower = source.setting("do_lower_case", True)
    strips = not source.setting("keep_accents", False)
    if steps is not None:
        lower, strips = "Lowercase" in steps, "StripAccents" in steps
    return SentencePieceVocabulary(
        **common,
        model=model,
        pieces=pieces,
        ids=tuple(move(number) for number in range(len(pieces))),
        is_albert=True,
        is_lower_cased=lower or source.lower_cases_first,
        strips_accents=strips,
        collapses_space=source.setting("remove_space", True),
        needs_nfkc=needs_nfkc,
    )


def _xlm_roberta(source: _Source) -> SentencePieceVocabulary:
    model, pieces, needs_nfkc, _ = _sentence_piece_model(source, "sentencepiece.bpe.model")
    if source.has("sentencepiece.bpe.model"):
        index = {piece: number + 1 for number, piece in enumerate(pieces)}
        index |= _FAIRSEQ | {"<mask>": len(pieces) + 1}
    else:
        index = {piece: number for number, piece in enumerate(pieces)}
    common = _with_added_literals(source, index, _ROBERTA_SPECIAL)
    move = _Ids(common["padding_row"])
    return SentencePieceVocabulary(
        **common,
        model=model,
        pieces=pieces,
        ids=tuple(move(index[piece]) for piece in pieces),
        is_albert=False,
        is_lower_cased=source.lower_cases_first,
        strips_accents=False,
        collapses_space=False,
        needs_nfkc=needs_nfkc,
    )


def _sentence_piece_model(
    source: _Source, name: str
) -> tuple[bytes, tuple[str, ...], bool, frozenset[str] | None]:
    """Returns a serialized model, its pieces, and what is known of their normalisation.

    That is whether the model lacks its own, and which steps of it `tokenizer.json` names, None
    where it names none.
    """
    if source.has(name):
        content = source.bytes(name)
        try:
            return content, read_pieces(content), False, None
        except (ValueError, IndexError, struct.error) as error:
            raise source.error("it is damaged, or no SentencePiece model", name) from error
    values = source.model("Unigram", name)
    is_albert = name == "spiece.model"
    special = source.special_tokens(_ALBERT_SPECIAL if is_albert else _ROBERTA_SPECIAL)
    steps = tokenizer_json.check_unigram(values, special, is_albert)
    charsmap = tokenizer_json.charsmap(values)
    kinds = _kinds_of_pieces(values)
    pieces = [
        Piece(text, score, kinds.get(number, NORMAL))
        for number, (text, score) in enumerate(values["model"]["vocab"])
    ]
    texts = tuple(piece.text for piece in pieces)
    if len(set(texts) - {""}) != len(pieces) or not all(math.isfinite(p.score) for p in pieces):
        raise ValueError("a piece is empty, is listed twice or has no score")
    if values["model"]["unk_id"] not in range(len(pieces)):
        raise ValueError("its unk_id is none of its pieces")
    return serialize(pieces, UNIGRAM, charsmap, is_spaced=True), texts, not charsmap, steps


def _kinds_of_pieces(values: Mapping[str, Any]) -> dict[int, int]:
    kinds = {
        token["id"]: CONTROL if token["special"] else USER_DEFINED
        for token in values.get("added_tokens") or []
    }
    return kinds | {values["model"]["unk_id"]: UNKNOWN}


def _byte_level(source: _Source) -> ByteLevelVocabulary:
    index, merges, adds_space = _byte_pairs(source)
    common = _with_added_literals(source, index, _ROBERTA_SPECIAL)
    move = _Ids(common["padding_row"])
    unknown = common["special"]["unk_token"]
    tokens = [token for token in index if token not in common["literals"]]
    ranks = {left + right: rank for rank, (left, right) in reversed(list(enumerate(merges)))}
    _check_merges(index, ranks, source)
    pieces = [Piece("<unk>", 0.0, UNKNOWN)]
    pieces += [Piece(_as_characters(token), -float(ranks.get(token, 0))) for token in tokens]
    return ByteLevelVocabulary(
        **common,
        model=serialize(pieces, BPE, b"", is_spaced=False),
        ids=(unknown, *(move(index[token]) for token in tokens)),
        is_lower_cased=source.lower_cases_first,
        adds_prefix_space=source.setting("add_prefix_space", adds_space),
    )


def _check_merges(index: Mapping[str, int], made: Mapping[str, int], source: _Source) -> None:
    """Refuses merges that do not make the vocabulary, as those of a file that is cut."""
    name = "merges.txt" if source.has("vocab.json", "merges.txt") else _TOKENIZER
    odd = [token for token in made if token not in index]
    if odd:
        raise source.cut(f"it makes {odd[0]!r}, which is not in the vocabulary", name)
    unmade = [token for token in index if token not in made and _is_join(token, index)]
    if len(unmade) > _UNMERGED * (len(made) + len(unmade)):
        raise source.cut(
            f"it makes {len(made):,} tokens, and {len(unmade):,} more of the vocabulary lack "
            f"their merge, such as {unmade[0]!r}",
            name,
        )


def _is_join(token: str, known: Collection[str]) -> bool:
    """Returns whether two known tokens make this one."""
    return any(token[:n] in known and token[n:] in known for n in range(1, len(token)))


def _byte_pairs(
    source: _Source,
) -> tuple[Mapping[str, int], Sequence[Sequence[str]], bool]:
    """Returns the id of each token, and the pairs of tokens to join, in their order.

    The last value is whether a space is put before a text where no setting says so.
    """
    if source.has("vocab.json", "merges.txt"):
        lines = _lines(source.bytes("merges.txt"), source, "merges.txt")
        merges = [line.split(" ") for line in lines if line and not line.startswith("#version")]
        return source.json("vocab.json"), merges, False
    values = source.model("BPE", "vocab.json with merges.txt")
    adds_space = tokenizer_json.check_byte_level(values, source.special_tokens(_ROBERTA_SPECIAL))
    model = values["model"]
    pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    return model["vocab"], pairs, adds_space


def byte_characters() -> dict[str, int]:
    """Returns the byte that each character of GPT-2's byte-level tokens is for.

    Printable characters of Latin-1 are for their own number; the others follow from U+0100 on. See
    https://github.com/openai/gpt-2/blob/master/src/encoder.py.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    characters = {chr(byte): byte for byte in printable}
    return characters | {chr(0x100 + place): byte for place, byte in enumerate(others)}


def _as_characters(token: str) -> str:
    return "".join(map(_CHARACTERS.__getitem__, token))


# Of the bytes that a SentencePiece model cannot have, zero is Ā and the space is Ġ, as in GPT-2.
_CHARACTERS = {
    character: character if byte in (0, 0x20) else chr(byte)
    for character, byte in byte_characters().items()
}


_WORD_PIECE = "WordPiece"
_ALBERT_SENTENCE_PIECE = "ALBERT's SentencePiece"
_XLM_SENTENCE_PIECE = "XLM-RoBERTa's SentencePiece"
_BYTE_LEVEL = "byte-level BPE"
_READERS = {
    _WORD_PIECE: _word_piece,
    _ALBERT_SENTENCE_PIECE: _albert,
    _XLM_SENTENCE_PIECE: _xlm_roberta,
    _BYTE_LEVEL: _byte_level,
}
# By transformers' class; None where the files decide.
_KINDS = {
    "BertTokenizer": _WORD_PIECE,
    "DistilBertTokenizer": _WORD_PIECE,
    "AlbertTokenizer": _ALBERT_SENTENCE_PIECE,
    "XLMRobertaTokenizer": _XLM_SENTENCE_PIECE,
    "RobertaTokenizer": _BYTE_LEVEL,
    "PreTrainedTokenizer": None,
    "TokenizersBackend": None,
}
