import json
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
