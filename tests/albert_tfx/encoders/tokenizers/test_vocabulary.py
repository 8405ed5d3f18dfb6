import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from albert_tfx.encoders.tokenizers import vocabulary
from albert_tfx.encoders.tokenizers.sentencepiece_model import read_pieces
from albert_tfx.encoders.tokenizers.vocabulary import (
    ByteLevelVocabulary,
    SentencePieceVocabulary,
    WordPieceVocabulary,
)
from albert_tfx.errors import InputError
from tests.support import hugging_face, tokenizer_files


def read_words(folder: Path, **settings: Any) -> WordPieceVocabulary:
    made = vocabulary.read(tokenizer_files.save_word_piece(folder, **settings), "bert")
    assert isinstance(made, WordPieceVocabulary)
    return made


def test_vocab_txt_and_tokenizer_json_are_the_same(tmp_path: Path):
    listed = read_words(tmp_path / "one")
    only_json = vocabulary.read(tokenizer_files.save_word_piece_json(tmp_path / "two"), "bert")
    assert isinstance(only_json, WordPieceVocabulary)
    assert only_json.tokens == listed.tokens == hugging_face.WORDS
    assert only_json.special == listed.special
    assert [file.name for file in listed.files] == ["tokenizer_config.json", "vocab.txt"]


@pytest.mark.parametrize(
    ("settings", "lower", "accents"),
    [
        ({}, True, True),
        ({"do_lower_case": False}, False, False),
        ({"do_lower_case": False, "strip_accents": True}, False, True),
        ({"strip_accents": False}, True, False),
    ],
)
def test_accents_go_with_case_unless_they_are_named(
    settings: dict, lower: bool, accents: bool, tmp_path: Path
):
    made = read_words(tmp_path, **settings)
    assert (made.is_lower_cased, made.strips_accents) == (lower, accents)


def test_sentence_transformers_may_lower_case_as_well(tmp_path: Path):
    folder = tokenizer_files.save_word_piece(tmp_path, do_lower_case=False)
    (folder / "sentence_bert_config.json").write_text('{"do_lower_case": true}')
    made = vocabulary.read(folder, "bert")
    assert isinstance(made, WordPieceVocabulary)
    assert (made.is_lower_cased, made.strips_accents) == (True, False)


def test_a_token_that_is_listed_twice_has_its_last_id(tmp_path: Path):
    folder = tokenizer_files.save_word_piece(tmp_path)
    (folder / "vocab.txt").write_text("\n".join([*hugging_face.WORDS, "good"]) + "\n")
    made = vocabulary.read(folder, "bert")
    assert isinstance(made, WordPieceVocabulary)
    assert made.tokens[-1] == "good"
    assert made.tokens.count("good") == 1
    assert len(set(made.tokens)) == made.size == len(hugging_face.WORDS) + 1


def test_padding_is_moved_to_0(tmp_path: Path):
    folder = tokenizer_files.save_word_piece(tmp_path)
    (folder / "vocab.txt").write_text("\n".join(reversed(hugging_face.WORDS)) + "\n")
    made = vocabulary.read(folder, "bert")
    assert isinstance(made, WordPieceVocabulary)
    last = len(hugging_face.WORDS) - 1
    assert (made.tokens[0], made.tokens[last], made.padding_row) == ("[PAD]", ".", last)
    assert made.special["pad_token"] == 0


def test_added_tokens_follow_the_vocabulary(tmp_path: Path):
    added = {"12": {"content": "<br>"}, "13": {"content": "[URL]"}}
    made = read_words(tmp_path, added_tokens_decoder=added)
    assert made.tokens[-2:] == ("<br>", "[URL]")
    assert (made.literals["<br>"], made.literals["[URL]"]) == (12, 13)


@pytest.mark.parametrize("name", ["BertJapaneseTokenizer", "T5Tokenizer", "BertweetTokenizerFast"])
def test_other_tokenizers_are_refused_by_name(name: str, tmp_path: Path):
    with pytest.raises(InputError, match=f"the class {name} is not supported"):
        read_words(tmp_path, tokenizer_class=name)


def test_another_normalisation_is_refused(tmp_path: Path):
    folder = tokenizer_files.save_word_piece_json(tmp_path, normalizer={"type": "NFC"})
    with pytest.raises(InputError, match="normalises by NFC"):
        vocabulary.read(folder, "bert")


def test_a_missing_special_token_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"no token '\[END\]'"):
        read_words(tmp_path, sep_token="[END]")


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"holds no vocab\.txt or tokenizer\.json"):
        vocabulary.read(tmp_path, "bert")


def test_a_git_lfs_pointer_is_recognised(tmp_path: Path):
    folder = tokenizer_files.save_word_piece(tmp_path)
    (folder / "vocab.txt").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(InputError, match="Git LFS"):
        vocabulary.read(folder, "bert")


def test_albert_and_xlm_roberta_number_their_pieces_each_in_its_way(tmp_path: Path):
    for name, pieces in (
        ("spiece.model", ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "▁a")),
        ("sentencepiece.bpe.model", ("<unk>", "<s>", "</s>", "▁a")),
    ):
        folder = tmp_path / name
        tokenizer_files.save_sentence_piece(folder, name, pieces)
        made = vocabulary.read(folder, "bert")
        assert isinstance(made, SentencePieceVocabulary)
        assert made.pieces == pieces
        by_piece = dict(zip(pieces, made.ids, strict=True))
        if made.is_albert:
            assert by_piece == {piece: number for number, piece in enumerate(pieces)}
        else:
            # Padding, 1, and <s>, 0, have changed places.
            assert by_piece == {"<unk>": 3, "<s>": 1, "</s>": 2, "▁a": 4}
            assert (made.special["mask_token"], made.size, made.padding_row) == (5, 6, 1)


def test_tokenizer_json_alone_becomes_a_sentencepiece_model(tmp_path: Path):
    folder = tokenizer_files.save_unigram_json(tmp_path, "AlbertTokenizer")
    made = vocabulary.read(folder, "albert")
    assert isinstance(made, SentencePieceVocabulary)
    assert read_pieces(made.model) == made.pieces == tuple(p for p, _ in tokenizer_files.UNIGRAM)
    assert made.needs_nfkc


@pytest.mark.parametrize("cut", [1, 7, 20])
def test_a_truncated_sentencepiece_model_is_refused(cut: int, tmp_path: Path):
    tokenizer_files.save_sentence_piece(tmp_path, "spiece.model", ("<pad>", "<unk>", "[CLS]"))
    file = tmp_path / "spiece.model"
    file.write_bytes(file.read_bytes()[:-cut])
    with pytest.raises(InputError, match=r"spiece\.model cannot be used: it is damaged"):
        vocabulary.read(tmp_path, "albert")


def test_byte_level_tokens_are_read_from_either_kind_of_file(tmp_path: Path):
    folder = tokenizer_files.save_byte_level(tmp_path / "one")
    listed = vocabulary.read(folder, "roberta")
    values = {
        "type": "BPE",
        "vocab": json.loads((folder / "vocab.json").read_text()),
        "merges": [list(pair) for pair in tokenizer_files.MERGES],
    }
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "tokenizer.json").write_text(json.dumps({"model": values}))
    only_json = vocabulary.read(tmp_path / "two", "roberta")
    assert isinstance(listed, ByteLevelVocabulary)
    assert isinstance(only_json, ByteLevelVocabulary)
    assert (listed.model, listed.ids) == (only_json.model, only_json.ids)
    assert listed.padding_row == 1


@pytest.mark.parametrize(
    "model",
    [
        {"type": "BPE", "vocab": {"a": 0}},
        {"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]},
        {"type": "Unigram", "vocab": [["a"]], "unk_id": 0},
        {"type": "Unigram", "vocab": [["a", 0.0]]},
        {"type": "WordPiece", "vocab": []},
        {"type": "WordPiece", "vocab": {"a": 0, "b": 7}},
        {"type": "WordLevel", "vocab": {"a": 0}},
        [],
    ],
)
def test_a_damaged_tokenizer_is_refused(model: Any, tmp_path: Path):
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
    with pytest.raises(InputError, match=r"tokenizer\.json"):
        vocabulary.read(tmp_path, "bert")


def change(folder: Path, *path: str, to: Any) -> Path:
    """Changes one value of a folder's `tokenizer.json`; returns the folder."""
    file = folder / "tokenizer.json"
    values = json.loads(file.read_text())
    inner = values
    for name in path[:-1]:
        inner = inner.setdefault(name, {})
    inner[path[-1]] = to
    file.write_text(json.dumps(values))
    return folder


ENDS = {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}]}
METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}


@pytest.mark.parametrize(
    ("path", "value", "cause"),
    [
        ("normalizer.clean_text", False, "its clean_text is False"),
        ("normalizer.lowercase", "no", "its lowercase is 'no'"),
        ("model.continuing_subword_prefix", "@@", "its continuing_subword_prefix is '@@'"),
        ("model.max_input_chars_per_word", 20, "its max_input_chars_per_word is 20"),
        ("model.unk_token", "a", "its unk_token is 'a'"),
        ("post_processor", None, "its post_processor"),
        ("post_processor", ENDS, "its post_processor"),
    ],
)
def test_a_word_piece_tokenizer_json_that_cuts_otherwise_is_refused(
    path: str, value: object, cause: str, tmp_path: Path
):
    folder = change(tokenizer_files.save_word_piece_json(tmp_path), *path.split("."), to=value)
    with pytest.raises(InputError, match=f"tokenizer.json cannot be used: {cause}"):
        vocabulary.read(folder, "bert")


@pytest.mark.parametrize(
    ("path", "value", "cause"),
    [
        ("normalizer", {"type": "Lowercase"}, "its normalizer is Lowercase"),
        ("pre_tokenizer", {"type": "Whitespace"}, "it splits by Whitespace"),
        ("pre_tokenizer", {"type": "Sequence", "pretokenizers": []}, "it splits by Sequence"),
        ("pre_tokenizer", None, "it splits by None"),
        ("pre_tokenizer.use_regex", False, "its use_regex is False"),
        ("model.dropout", 0.1, "its dropout is 0.1"),
        ("model.byte_fallback", True, "its byte_fallback is True"),
        ("model.ignore_merges", True, "its ignore_merges is True"),
        ("model.continuing_subword_prefix", "##", "its continuing_subword_prefix is '##'"),
        ("model.end_of_word_suffix", "</w>", "its end_of_word_suffix is '</w>'"),
        ("post_processor", {"type": "ByteLevel"}, "its post_processor"),
    ],
)
def test_a_byte_level_tokenizer_json_that_cuts_otherwise_is_refused(
    path: str, value: object, cause: str, tmp_path: Path
):
    folder = change(tokenizer_files.save_byte_level_json(tmp_path), *path.split("."), to=value)
    with pytest.raises(InputError, match=f"tokenizer.json cannot be used: {cause}"):
        vocabulary.read(folder, "roberta")


def test_a_first_space_may_be_asked_for_by_tokenizer_json_alone(tmp_path: Path):
    folder = tokenizer_files.save_byte_level_json(tmp_path)
    for adds_space in (False, True):
        change(folder, "pre_tokenizer", "add_prefix_space", to=adds_space)
        made = vocabulary.read(folder, "roberta")
        assert isinstance(made, ByteLevelVocabulary)
        assert made.adds_prefix_space == adds_space


@pytest.mark.parametrize(
    ("path", "value", "cause"),
    [
        ("normalizer", {"type": "NFD"}, "it normalises by NFD"),
        ("normalizer", {"type": "StripAccents"}, "it strips accents without NFKD"),
        (
            "normalizer",
            {"type": "Replace", "pattern": {"String": "a"}, "content": "b"},
            "it replaces 'a'",
        ),
        ("pre_tokenizer", {"type": "Digits"}, "it splits by Digits"),
        ("pre_tokenizer", None, "it splits by None"),
        ("pre_tokenizer", {**METASPACE, "replacement": "_"}, "its replacement is '_'"),
        ("pre_tokenizer", {**METASPACE, "prepend_scheme": "never"}, "its prepend_scheme"),
        ("pre_tokenizer", {**METASPACE, "add_prefix_space": False}, "its add_prefix_space"),
        ("model.byte_fallback", True, "its byte_fallback is True"),
        ("post_processor", None, "its post_processor"),
    ],
)
def test_a_unigram_tokenizer_json_that_cuts_otherwise_is_refused(
    path: str, value: object, cause: str, tmp_path: Path
):
    folder = tokenizer_files.save_unigram_json(tmp_path, "AlbertTokenizer")
    change(folder, *path.split("."), to=value)
    with pytest.raises(InputError, match=f"tokenizer.json cannot be used: {cause}"):
        vocabulary.read(folder, "albert")


def test_the_steps_that_tokenizers_name_for_albert_are_followed(tmp_path: Path):
    quote = {"type": "Replace", "pattern": {"String": "``"}, "content": '"'}
    spaces = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    accents = [{"type": "NFKD"}, {"type": "StripAccents"}]
    folder = tokenizer_files.save_unigram_json(tmp_path, "AlbertTokenizer")
    splitter = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, METASPACE]}
    change(folder, "pre_tokenizer", to=splitter)
    for steps, lower, strips in (
        ([quote, *accents, {"type": "Lowercase"}, spaces], True, True),
        ([quote, *accents], False, True),
        ([quote, spaces], False, False),
    ):
        change(folder, "normalizer", to={"type": "Sequence", "normalizers": steps})
        made = vocabulary.read(folder, "albert")
        assert isinstance(made, SentencePieceVocabulary)
        assert (made.is_lower_cased, made.strips_accents) == (lower, strips)


def test_a_vocab_txt_that_ends_within_a_line_is_refused_where_much_is_missing(tmp_path: Path):
    folder = tokenizer_files.save_word_piece(tmp_path)
    whole = (folder / "vocab.txt").read_text()
    (folder / "vocab.txt").write_text(whole[:-1])
    for rows in (len(hugging_face.WORDS), len(hugging_face.WORDS) + 127):
        (folder / "config.json").write_text(json.dumps({"vocab_size": rows}))
        assert vocabulary.read(folder, "bert").size == len(hugging_face.WORDS)
    (folder / "config.json").write_text('{"vocab_size": 30522}')
    with pytest.raises(InputError, match=r"vocab\.txt seems to be cut: it has 12 tokens") as raised:
        vocabulary.read(folder, "bert")
    assert "Fetch the model again" in raised.value.remedy
    (folder / "vocab.txt").write_text(whole)
    assert vocabulary.read(folder, "bert").size == len(hugging_face.WORDS)


@pytest.mark.parametrize("cut", [1, 3, 8, 20])
def test_merges_that_do_not_make_the_vocabulary_are_refused(cut: int, tmp_path: Path):
    folder = tokenizer_files.save_byte_level(tmp_path)
    content = (folder / "merges.txt").read_text()
    (folder / "merges.txt").write_text(content.removesuffix("\n")[:-cut])
    with pytest.raises(InputError, match=r"merges\.txt") as raised:
        vocabulary.read(folder, "roberta")
    assert cut == 1 or "Fetch the model again" in raised.value.remedy


def test_a_merge_of_no_token_is_refused(tmp_path: Path):
    folder = tokenizer_files.save_byte_level(tmp_path)
    with (folder / "merges.txt").open("a", encoding="utf-8") as file:
        file.write("a b\n")
    with pytest.raises(InputError, match=r"merges\.txt seems to be cut: it makes 'ab'"):
        vocabulary.read(folder, "roberta")


def test_tokens_that_no_two_others_make_need_no_merge(tmp_path: Path):
    folder = tokenizer_files.save_byte_level(tmp_path)
    tokens = json.loads((folder / "vocab.json").read_text())
    tokens |= {"madeupword0000": len(tokens), "<|endoftext|>": len(tokens) + 1}
    (folder / "vocab.json").write_text(json.dumps(tokens))
    assert vocabulary.read(folder, "roberta").size == len(tokens)


def test_added_tokens_are_literals_in_every_kind_of_tokenizer(tmp_path: Path):
    folders = {
        "bert": tokenizer_files.save_word_piece(tmp_path / "bert"),
        "roberta": tokenizer_files.save_byte_level(tmp_path / "roberta"),
        "albert": tokenizer_files.save_unigram_json(tmp_path / "albert", "AlbertTokenizer"),
    }
    for model_type, folder in folders.items():
        size = vocabulary.read(folder, model_type).size
        (folder / "added_tokens.json").write_text(json.dumps({"<user>": size}))
        made = vocabulary.read(folder, model_type)
        assert (made.literals["<user>"], made.size) == (size, size + 1)
        assert folder / "added_tokens.json" in made.files


@pytest.mark.parametrize("token", [{"<user>": 9}, {"[PAD]": 3}, {"<pad>": 3}, {"": 999}])
def test_an_added_token_with_anothers_id_is_refused(token: dict[str, int], tmp_path: Path):
    tokenizer_files.save_byte_level(tmp_path)
    (tmp_path / "added_tokens.json").write_text(json.dumps(token))
    with pytest.raises(InputError, match="added token"):
        vocabulary.read(tmp_path, "roberta")


def test_an_added_token_that_has_to_be_a_word_is_refused(tmp_path: Path):
    added = {"12": {"content": "br", "single_word": True}}
    with pytest.raises(InputError, match="only as a word of its own"):
        read_words(tmp_path, added_tokens_decoder=added)


def test_the_end_of_a_line_is_in_no_token(tmp_path: Path):
    made = read_words(tmp_path, added_tokens_decoder={"12": {"content": "a\nb"}})
    assert made.tokens[12] == "\x0012"
    assert made.literals["a\nb"] == 12


def unigram_with_parts(folder: Path) -> Path:
    tokenizer_files.save_unigram_json(folder, "AlbertTokenizer")
    change(folder, "pre_tokenizer", to={"type": "Sequence", "pretokenizers": [METASPACE]})
    steps = [{"type": "NFKD"}, {"type": "Precompiled", "precompiled_charsmap": ""}]
    return change(folder, "normalizer", to={"type": "Sequence", "normalizers": steps})


def word_piece_with_parts(folder: Path) -> Path:
    tokenizer_files.save_word_piece_json(folder)
    change(folder, "added_tokens", to=[{"id": 12, "content": "<br>", "special": False}])
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"do_lower_case": True, "strip_accents": None, "cls_token": "[CLS]"})
    )
    (folder / "special_tokens_map.json").write_text(json.dumps({"cls_token": {"content": "[CLS]"}}))
    parts = [{"SpecialToken": {"id": "[CLS]"}}, {"Sequence": {}}, {"SpecialToken": {"id": "[SEP]"}}]
    ends = {"type": "TemplateProcessing", "single": parts}
    return change(folder, "post_processor", to=ends)


def listed_bytes(folder: Path) -> Path:
    added = {"1": {"content": "<pad>"}}
    return tokenizer_files.save_byte_level(folder, added_tokens_decoder=added)


STRANGE: tuple[Any, ...] = (
    *(None, True, 3, -1, 2.5, 10**400, float("nan"), float("inf"), "x", "", "\ud800", [], ["x"]),
    *({}, {"x": 1}, {"type": "x"}, [[]], [{}], {"type": ["x"]}, {"x": {"content": 5}}),
)


def places(values: Any, most: int = 12) -> Iterator[tuple[Any, Any]]:
    """Yields each container within a JSON value, with a key or place of it, a few of a long one."""
    if isinstance(values, dict | list):
        for key in [*(values if isinstance(values, dict) else range(len(values)))][:most]:
            yield values, key
            yield from places(values[key])


def damaged(values: Any) -> Iterator[Any]:
    """Yields a JSON value with each place filled strangely, then strange values alone."""
    whole = copy.deepcopy(values)
    for inner, key in list(places(whole)):
        kept = inner[key]
        for strange in STRANGE:
            inner[key] = strange
            yield whole
        inner[key] = kept
    yield from STRANGE


@pytest.mark.parametrize(
    ("save", "model_type"),
    [
        (word_piece_with_parts, "bert"),
        (tokenizer_files.save_byte_level_json, "roberta"),
        (listed_bytes, "roberta"),
        (unigram_with_parts, "albert"),
    ],
)
def test_whatever_a_tokenizer_file_holds_is_read_or_refused(
    save: Callable[[Path], Path], model_type: str, tmp_path: Path
):
    folder = save(tmp_path)
    assert vocabulary.read(folder, model_type)
    for file in folder.glob("*.json"):
        content = file.read_bytes()
        for values in damaged(json.loads(content)):
            file.write_text(json.dumps(values))
            read_or_refuse(folder, model_type)
        for raw in (b"", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000):
            file.write_bytes(raw)
            read_or_refuse(folder, model_type)
        file.write_bytes(content)


def read_or_refuse(folder: Path, model_type: str) -> None:
    try:
        made = vocabulary.read(folder, model_type)
    except InputError:
        return
    assert made.size > 0
    assert all(0 <= number < made.size for number in made.special.values())
    "".join(made.literals).encode()


@pytest.mark.parametrize("name", ["vocab.txt", "merges.txt", "added_tokens.json"])
def test_undecodable_bytes_are_refused(name: str, tmp_path: Path):
    is_bytes = name == "merges.txt"
    save = tokenizer_files.save_byte_level if is_bytes else tokenizer_files.save_word_piece
    folder = save(tmp_path)
    (folder / name).write_bytes(b"\xff\x80\n" * 3)
    with pytest.raises(InputError, match=name):
        vocabulary.read(folder, "roberta" if is_bytes else "bert")
