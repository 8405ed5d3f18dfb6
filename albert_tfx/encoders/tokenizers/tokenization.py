"""Tokenizers as graphs with TF Hub's text interface, equal to transformers' slow ones.

The interface: https://www.tensorflow.org/hub/common_saved_model_apis/text. Which differences there
are is in docs/encoders.md, with the ops of TensorFlow Text that a model server has to know.
"""

import functools
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text

from albert_tfx.contract import INPUT_MASK, INPUT_TYPE_IDS, INPUT_WORD_IDS
from albert_tfx.encoders.tokenizers.vocabulary import (
    ByteLevelVocabulary,
    SentencePieceVocabulary,
    Vocabulary,
    WordPieceVocabulary,
)

DEFAULT_LENGTH = 128  # tokens, as TF Hub's preprocessors have by default
_PADDING = 0
# Put between the parts of a text that are tokenized on their own, and in place of the zero byte, at
# which some ops take a text to end. Unicode keeps both free for such use within a program.
_BORDER, _ZERO = "\ufdd0", "\ufdd1"
_SPACE_PIECE = "▁"  # SentencePiece's space
_LONGEST_WORD = 100  # characters; transformers' `WordpieceTokenizer` takes longer ones as unknown
_UNKNOWN_WORD = "\0"
# White space within a class of characters, as Unicode sees it; and as Python's `str.split` does.
_WHITE_SPACE = (
    r"\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}"
    r"\x{3000}"
)
_SPACE = rf"[\x{{1c}}-\x{{1f}}{_WHITE_SPACE}]"
# The characters that transformers' `BasicTokenizer` takes for words of their own.
_CHINESE = (
    r"([\x{4e00}-\x{9fff}\x{3400}-\x{4dbf}\x{20000}-\x{2a6df}\x{2a700}-\x{2b73f}"
    r"\x{2b740}-\x{2b81f}\x{2b820}-\x{2ceaf}\x{f900}-\x{faff}\x{2f800}-\x{2fa1f}])"
)
_ASCII_PUNCTUATION = {*range(33, 48), *range(58, 65), *range(91, 97), *range(123, 127)}
# GPT-2's expression for a word, but for the spaces that RE2 cannot look ahead of.
_BYTE_LEVEL_WORD = (
    rf"'s|'t|'re|'ve|'m|'ll|'d| ?\p{{L}}+| ?\p{{N}}+| ?[^{_WHITE_SPACE}\p{{L}}\p{{N}}{_BORDER}]+"
    rf"|[{_WHITE_SPACE}]+"
)

_Step = Callable[[tf.Tensor], tf.Tensor]
_Tokenize = Callable[[tf.Tensor], tf.RaggedTensor]
_Map = Callable[[tf.RaggedTensor], tf.RaggedTensor]


def preprocessor(vocabulary: Vocabulary, segments: int, size: int, folder: Path) -> tf.Module:
    """Returns a preprocessor to be saved.

    Args:
      vocabulary: The tokens.
      segments: Rows of the encoder's segment embedding: with fewer than two all are segment 0.
      size: Rows of its token embedding, told as `vocab_size`.
      folder: For files that the preprocessor needs until it is saved.
    """
    tokenize, resources = _TOKENIZERS[type(vocabulary)](vocabulary, folder)
    special = {
        "padding_id": _PADDING,
        "start_of_sequence_id": vocabulary.special["cls_token"],
        "end_of_segment_id": vocabulary.special["sep_token"],
        "mask_id": vocabulary.special["mask_token"],
        "vocab_size": size,
    }
    return _Preprocessor(_with_literals(tokenize, vocabulary), resources, special, segments)


class _Preprocessor(tf.Module):
    """What TF Hub's interface calls a preprocessor."""

    def __init__(
        self,
        tokenize: _Tokenize,
        resources: object,
        special: Mapping[str, int],
        segments: int,
    ) -> None:
        super().__init__(name="preprocessor")
        self._special, self._segments = special, segments
        self._resources = resources
        text = tf.TensorSpec([None], tf.string, name="text")
        self.tokenize = _Tokenizer(tf.function(tokenize, input_signature=[text]), special)
        self.bert_pack_inputs = _Packer(self._pack)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def __call__(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Maps string `[batch]` to the encoder's inputs, int32 `[batch, 128]` each."""
        return self._pack([self.tokenize(text)], tf.constant(DEFAULT_LENGTH))

    def _pack(self, segments: Sequence[tf.RaggedTensor], length: tf.Tensor) -> dict[str, tf.Tensor]:
        trimmed = tensorflow_text.RoundRobinTrimmer(length - 1 - len(segments)).trim(segments)
        ids, types = tensorflow_text.combine_segments(
            trimmed,
            start_of_sequence_id=self._special["start_of_sequence_id"],
            end_of_segment_id=self._special["end_of_segment_id"],
        )
        ids, mask = tensorflow_text.pad_model_inputs(ids, length, _PADDING)
        types, _ = tensorflow_text.pad_model_inputs(types, length, 0)
        if self._segments < 2:
            types = tf.zeros_like(types)
        return {INPUT_WORD_IDS: ids, INPUT_MASK: tf.cast(mask, tf.int32), INPUT_TYPE_IDS: types}


class _Tokenizer(tf.Module):
    def __init__(self, tokenize: _Tokenize, special: Mapping[str, int]) -> None:
        super().__init__(name="tokenize")
        self._tokenize, self._special = tokenize, special

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def __call__(self, text: tf.Tensor) -> tf.RaggedTensor:
        return self._tokenize(text)

    @tf.function(input_signature=[])
    def get_special_tokens_dict(self) -> dict[str, tf.Tensor]:
        return {name: tf.constant(value) for name, value in self._special.items()}


class _Packer(tf.Module):
    """Packs one or two segments; both are traced, as a SavedModel holds what was called."""

    def __init__(self, pack: Callable[..., dict[str, tf.Tensor]]) -> None:
        super().__init__(name="bert_pack_inputs")
        self._pack = pack
        ids = tf.RaggedTensorSpec([None, None], tf.int32)
        for segments in (1, 2):
            self.__call__.get_concrete_function([ids] * segments, tf.TensorSpec([], tf.int32))

    @tf.function
    def __call__(
        self, inputs: Sequence[tf.RaggedTensor], seq_length: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        return self._pack(inputs, seq_length)


def _word_piece(vocabulary: WordPieceVocabulary, folder: Path) -> tuple[_Tokenize, object]:
    path = folder / "vocab.txt"
    path.write_text("\n".join(vocabulary.tokens) + "\n", encoding="utf-8", newline="\n")
    initializer = tf.lookup.TextFileInitializer(
        str(path),
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
        vocab_size=len(vocabulary.tokens),
    )
    table = tf.lookup.StaticVocabularyTable(initializer, 1)
    unknown = vocabulary.tokens[vocabulary.special["unk_token"]]
    pieces = tensorflow_text.WordpieceTokenizer(
        table,
        max_bytes_per_word=4 * _LONGEST_WORD,
        token_out_type=tf.int32,
        unknown_token=unknown,
    )
    steps = list(_word_steps(vocabulary))

    def tokenize(text: tf.Tensor) -> tf.RaggedTensor:
        words = tf.strings.split(_through(steps, text))
        is_long = tf.strings.length(words.flat_values, "UTF8_CHAR") > _LONGEST_WORD
        short = tf.where(is_long, _UNKNOWN_WORD, words.flat_values)
        return words.with_flat_values(pieces.tokenize(short)).merge_dims(1, 2)

    return tokenize, table


def _word_steps(vocabulary: WordPieceVocabulary) -> Iterator[_Step]:
    """Yields what transformers' `BasicTokenizer` does, in its order."""
    yield _replacing(_characters(_is_dropped), "")
    yield _replacing(_SPACE, " ")
    if vocabulary.splits_chinese:
        yield _replacing(_CHINESE, r" \1 ")
    yield _normalizing("NFC")
    if vocabulary.is_lower_cased:
        yield _lower
    if vocabulary.strips_accents:
        yield _normalizing("NFD")
        yield _replacing(_characters(_is_mark), "")
    yield _replacing(f"({_characters(_is_punctuation)})", r" \1 ")


def _is_dropped(character: str) -> bool:
    is_control = unicodedata.category(character).startswith("C") and character not in "\t\n\r"
    return character == "\ufffd" or is_control


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) == "Mn"


def _is_combining(character: str) -> bool:
    return unicodedata.combining(character) > 0


def _is_punctuation(character: str) -> bool:
    is_ascii_punctuation = ord(character) in _ASCII_PUNCTUATION
    return is_ascii_punctuation or unicodedata.category(character).startswith("P")


def _sentence_piece(vocabulary: SentencePieceVocabulary, folder: Path) -> tuple[_Tokenize, object]:
    del folder
    model = tensorflow_text.SentencepieceTokenizer(vocabulary.model, out_type=tf.int32)
    steps = list(_sentence_steps(vocabulary))
    ids = _id_map(vocabulary)

    def tokenize(text: tf.Tensor) -> tf.RaggedTensor:
        return ids(model.tokenize(_through(steps, text)))

    return tokenize, model


def _sentence_steps(vocabulary: SentencePieceVocabulary) -> Iterator[_Step]:
    """Yields what transformers' slow `AlbertTokenizer` does before SentencePiece, in its order."""
    if vocabulary.collapses_space:
        yield _replacing(f"{_SPACE}+", " ")
        yield tf.strings.strip
    if vocabulary.is_albert:
        yield _replacing("``|''", '"')
    if vocabulary.strips_accents:
        yield _normalizing("NFKD")
        yield _replacing(_characters(_is_combining), "")
    if vocabulary.is_lower_cased:
        yield _lower
    if vocabulary.needs_nfkc:
        yield _normalizing("NFKC")


def _id_map(vocabulary: SentencePieceVocabulary | ByteLevelVocabulary) -> _Map:
    """Returns the map from ids of a SentencePiece model to those of the vocabulary."""
    rows = [[index] for index in vocabulary.ids]
    if isinstance(vocabulary, SentencePieceVocabulary) and vocabulary.is_albert:
        for number, ids in _split_numbers(vocabulary):
            rows[number] = ids
    if rows == [[number] for number in range(len(rows))]:
        return lambda ids: ids
    splits = np.cumsum([0, *map(len, rows)])
    values = np.concatenate(rows).astype(np.int32)

    def moved(ids: tf.RaggedTensor) -> tf.RaggedTensor:
        table = tf.RaggedTensor.from_row_splits(values, splits, validate=False)
        return tf.gather(table, ids).merge_dims(1, 2)

    return moved


def _split_numbers(vocabulary: SentencePieceVocabulary) -> Iterator[tuple[int, list[int]]]:
    """Yields the pieces that are a number with a comma behind, and the ids that stand for them.

    ALBERT takes the comma for a token of its own; see transformers' slow `AlbertTokenizer`.
    """
    model = tensorflow_text.SentencepieceTokenizer(vocabulary.model, out_type=tf.string)
    index = dict(zip(vocabulary.pieces, vocabulary.ids, strict=True))
    for number, piece in enumerate(vocabulary.pieces):
        if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
            digits = model.tokenize([piece[:-1].replace(_SPACE_PIECE, "")])[0].numpy()
            parts = [part.decode() for part in digits]
            if not piece.startswith(_SPACE_PIECE):
                parts[0] = parts[0].removeprefix(_SPACE_PIECE)
            texts = [*filter(None, parts), piece[-1]]
            yield number, [index.get(text, vocabulary.special["unk_token"]) for text in texts]


def _byte_level(vocabulary: ByteLevelVocabulary, folder: Path) -> tuple[_Tokenize, object]:
    del folder
    model = tensorflow_text.SentencepieceTokenizer(vocabulary.model, out_type=tf.int32)
    steps = list(_byte_level_steps(vocabulary))
    ids = _id_map(vocabulary)

    def tokenize(text: tf.Tensor) -> tf.RaggedTensor:
        delimiters = f"{_BYTE_LEVEL_WORD}|{_BORDER}"
        words = tensorflow_text.regex_split(_through(steps, text), delimiters, _BYTE_LEVEL_WORD)
        characters = tf.strings.unicode_transcode(words.flat_values, "ISO-8859-1", "UTF-8")
        pieces = model.tokenize(_through(_BYTE_NAMES, characters))
        return words.with_flat_values(ids(pieces)).merge_dims(1, 2)

    return tokenize, model


def _byte_level_steps(vocabulary: ByteLevelVocabulary) -> Iterator[_Step]:
    if vocabulary.is_lower_cased:
        yield _lower
    if vocabulary.adds_prefix_space:
        yield _replacing(f"^([^{_WHITE_SPACE}])", r" \1")
    # Of white space before a word, the last character is the word's.
    yield _replacing(f"([{_WHITE_SPACE}]+)([{_WHITE_SPACE}][^{_WHITE_SPACE}])", rf"\1{_BORDER}\2")


def _with_literals(tokenize: _Tokenize, vocabulary: Vocabulary) -> _Tokenize:
    """Returns a tokenizer that first cuts special and added tokens out of the text."""
    literals = sorted(vocabulary.literals, key=len, reverse=True)
    ids = np.array([vocabulary.literals[literal] for literal in literals], np.int32)
    mask = re.escape(vocabulary.mask_text)
    steps = [
        _replacing(_BORDER, ""),
        _replacing(r"\x{0}", _ZERO),
        _replacing(f"{_SPACE}+({mask})", r"\1"),
        _replacing("|".join(map(re.escape, literals)), rf"{_BORDER}\0{_BORDER}"),
    ]

    def with_literals(text: tf.Tensor) -> tf.RaggedTensor:
        valid = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8")
        parts = tf.strings.split(_through(steps, valid), _BORDER)
        matches = parts.flat_values[:, tf.newaxis] == tf.constant(literals)
        is_literal = tf.reduce_any(matches, axis=1)
        others = tokenize(tf.where(is_literal, "", parts.flat_values))
        found = tf.gather(ids, tf.where(matches)[:, 1])
        alone = tf.RaggedTensor.from_row_lengths(found, tf.cast(is_literal, tf.int64))
        return parts.with_flat_values(tf.concat([others, alone], axis=1)).merge_dims(1, 2)

    return with_literals


def _through(steps: Iterable[_Step], text: tf.Tensor) -> tf.Tensor:
    return functools.reduce(lambda value, step: step(value), steps, text)


def _replacing(pattern: str, replacement: str) -> _Step:
    return lambda text: tf.strings.regex_replace(text, pattern, replacement)


def _normalizing(form: str) -> _Step:
    return lambda text: tensorflow_text.normalize_utf8(text, form)


def _lower(text: tf.Tensor) -> tf.Tensor:
    """Lower-cases each character alone, as transformers does.

    ICU has rules for a sigma at a word's end, and for the letter I where the machine's language is
    Turkish: neither is left when it is called.
    """
    ascii_lower = tf.strings.regex_replace(tf.strings.lower(text), "\u03a3", "\u03c3")
    return tf.strings.lower(ascii_lower, encoding="utf-8")


@functools.cache
def _characters(is_meant: Callable[[str], bool]) -> str:
    """Returns RE2's class of the characters that are meant, by Python's Unicode tables."""
    numbers = [n for n in range(sys.maxunicode + 1) if not _is_surrogate(n) and is_meant(chr(n))]
    starts = [n for n, before in zip(numbers, [-2, *numbers], strict=False) if n != before + 1]
    ends = [n for n, after in zip(numbers, [*numbers[1:], -2], strict=True) if n != after - 1]
    ranges = zip(starts, ends, strict=True)
    return "[" + "".join(rf"\x{{{start:x}}}-\x{{{end:x}}}" for start, end in ranges) + "]"


def _is_surrogate(number: int) -> bool:
    return 0xD800 <= number <= 0xDFFF


# See `vocabulary.ByteLevelVocabulary`.
_BYTE_NAMES = (_replacing(_ZERO.encode().decode("latin-1"), "Ā"), _replacing(" ", "Ġ"))
_TOKENIZERS: Mapping[type[Vocabulary], Callable[[Any, Path], tuple[_Tokenize, object]]] = {
    WordPieceVocabulary: _word_piece,
    SentencePieceVocabulary: _sentence_piece,
    ByteLevelVocabulary: _byte_level,
}
