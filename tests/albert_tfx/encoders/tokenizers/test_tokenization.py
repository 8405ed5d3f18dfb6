"""What the graphs do, by ids written out by hand from transformers' slow tokenizers' rules."""

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from albert_tfx.encoders.tokenizers import tokenization, vocabulary
from tests.support import hugging_face, tokenizer_files

pytestmark = pytest.mark.slow  # each preprocessor is a graph to trace

SMALL_SIGMA, FINAL_SIGMA = "\u03bf\u03c3", "\u03bf\u03c2"
WORDS = {word: number for number, word in enumerate(hugging_face.WORDS)}
BYTES = {token: 4 + number for number, token in enumerate(tokenizer_files.byte_tokens())}


def preprocessor(folder: Path, model_type: str, segments: int = 2) -> Any:
    tokens = vocabulary.read(folder, model_type)
    return tokenization.preprocessor(tokens, segments, tokens.size, folder)


def ids(made: Any, *texts: str | bytes) -> list[list[int]]:
    return made.tokenize(tf.constant(texts)).to_list()


def words(made: Any, text: str | bytes) -> list[str]:
    return [hugging_face.WORDS[number] for number in ids(made, text)[0]]


@pytest.fixture(scope="module")
def word_piece(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("word_piece")
    return preprocessor(tokenizer_files.save_word_piece(folder), "bert")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A good film.", ["a", "good", "film", "."]),
        ("films,,bad", ["film", "##s", ",", ",", "bad"]),
        ("gööd gÓod", ["good", "good"]),
        ("go\u00adod g\u0007oo\ufffdd\u0000 fil\u200bm", ["good", "good", "film"]),
        ("a\u00a0bad\u2003film\tgood\r\na\u2028bad", ["a", "bad", "film", "good", "a", "bad"]),
        ("a文bad", ["a", "[UNK]", "bad"]),
        ("a「bad", ["a", "[UNK]", "bad"]),
        ("goodfilm", ["[UNK]"]),
        ("[SEP]a[CLS] [MASK]bad[PAD]", ["[SEP]", "a", "[CLS]", "[MASK]", "bad", "[PAD]"]),
        ("[sep]", ["[UNK]"] * 3),
        ("", []),
        (" \n ", []),
    ],
)
def test_words_are_cut_as_bert_does(text: str, expected: list[str], word_piece: Any):
    assert words(word_piece, text) == expected


def test_only_words_of_more_than_100_characters_are_unknown(word_piece: Any):
    assert words(word_piece, "film" + "s" * 96) == ["film"] + ["##s"] * 96
    assert words(word_piece, "film" + "s" * 97) == ["[UNK]"]
    assert words(word_piece, "\u00e9" * 100) == ["[UNK]"]


def test_bytes_that_are_no_utf_8_are_left_out(word_piece: Any):
    assert words(word_piece, b"go\xffod film\xc3") == ["good", "film"]


def test_texts_are_tokenized_each_on_its_own(word_piece: Any):
    assert ids(word_piece, "a film", "", "[SEP] bad") == [
        [WORDS["a"], WORDS["film"]],
        [],
        [WORDS["[SEP]"], WORDS["bad"]],
    ]


def test_cased_models_keep_case_and_accents(tmp_path: Path):
    folder = tokenizer_files.save_word_piece(tmp_path, do_lower_case=False)
    made = preprocessor(folder, "bert")
    assert words(made, "A good gööd") == ["[UNK]", "good", "[UNK]"]


def test_the_special_ids_are_told(word_piece: Any):
    special = word_piece.tokenize.get_special_tokens_dict()
    assert {name: int(value) for name, value in special.items()} == {
        "padding_id": 0,
        "start_of_sequence_id": 2,
        "end_of_segment_id": 3,
        "mask_id": 4,
        "vocab_size": len(WORDS),
    }


def test_segments_are_packed(word_piece: Any):
    first, second = (word_piece.tokenize(tf.constant([text])) for text in ("a bad film", "good"))
    packed = word_piece.bert_pack_inputs([first, second], tf.constant(8))
    assert packed["input_word_ids"].numpy().tolist() == [[2, 5, 9, 7, 3, 6, 3, 0]]
    assert packed["input_mask"].numpy().tolist() == [[1, 1, 1, 1, 1, 1, 1, 0]]
    assert packed["input_type_ids"].numpy().tolist() == [[0, 0, 0, 0, 0, 1, 1, 0]]
    short = word_piece.bert_pack_inputs([first], tf.constant(4))
    assert short["input_word_ids"].numpy().tolist() == [[2, 5, 9, 3]]


def test_strings_become_the_three_inputs(word_piece: Any):
    made = word_piece(tf.constant(["a film"]))
    assert made["input_word_ids"].shape == (1, 128)
    assert int(tf.reduce_sum(made["input_mask"])) == 4


def test_an_encoder_with_one_segment_gets_one(tmp_path: Path):
    made = preprocessor(tokenizer_files.save_word_piece(tmp_path), "bert", segments=1)
    tokens = made.tokenize(tf.constant(["a"]))
    packed = made.bert_pack_inputs([tokens, tokens], tf.constant(6))
    assert not packed["input_type_ids"].numpy().any()


def albert(folder: Path, **settings: Any) -> Any:
    made = tokenizer_files.save_unigram_json(folder, "AlbertTokenizer", **settings)
    return preprocessor(made, "albert")


@pytest.fixture(scope="module")
def default_albert(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return albert(tmp_path_factory.mktemp("albert"))


def pieces(made: Any, text: str) -> list[str]:
    return [tokenizer_files.UNIGRAM[number][0] for number in ids(made, text)[0]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A films", ["▁a", "▁film", "s"]),
        ("  a\t\u2003film ", ["▁a", "▁film"]),
        ("9,9 9,", ["▁9", ",", "9", "▁9", ","]),
        ("``a''", ["▁", '"', "a", '"']),
        ("fílm", ["▁film"]),
        ("ﬁlm", ["▁film"]),
        ("İ", ["▁", "i"]),
        ("[CLS] a <unk>", ["[CLS]", "▁a", "<unk>"]),
        ("a\u0000s", ["▁a", "<unk>", "s"]),
        ("", []),
    ],
)
def test_text_is_cut_as_albert_does(text: str, expected: list[str], default_albert: Any):
    assert pieces(default_albert, text) == expected


def test_accents_and_case_can_be_kept(tmp_path: Path):
    made = albert(tmp_path, keep_accents=True, do_lower_case=False)
    assert pieces(made, "İ") == ["▁", "İ"]
    assert pieces(made, "A") == ["▁", "<unk>"]


def test_greek_words_end_without_a_letter_of_their_own(tmp_path: Path):
    folder = tokenizer_files.save_word_piece(tmp_path)
    (folder / "vocab.txt").write_text(
        "\n".join([*hugging_face.WORDS, SMALL_SIGMA, FINAL_SIGMA]) + "\n"
    )
    assert ids(preprocessor(folder, "bert"), f"{FINAL_SIGMA[0]}\u03a3 {FINAL_SIGMA}") == [[12, 13]]


def test_the_ids_of_xlm_roberta_are_its_own_but_for_padding(tmp_path: Path):
    tokenizer_files.save_sentence_piece(
        tmp_path, "sentencepiece.bpe.model", ("<unk>", "<s>", "</s>", "▁a", "B")
    )
    made = preprocessor(tmp_path, "xlm-roberta")
    assert ids(made, "aB", "a x", "<mask>a") == [[4, 5], [4, 3], [6, 4]]
    special = made.tokenize.get_special_tokens_dict()
    assert (int(special["padding_id"]), int(special["start_of_sequence_id"])) == (0, 1)


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("byte_level")
    return preprocessor(tokenizer_files.save_byte_level(folder), "roberta")


FILM, SPACE_FILM, E_ACUTE, BYTE_MASK = 4 + 256 + 2, 4 + 256 + 3, 4 + 256 + 4, 4 + 256 + 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("film film", [FILM, SPACE_FILM]),
        ("film  film\n", [FILM, BYTES["Ġ"], SPACE_FILM, BYTES["Ċ"]]),
        ("film\n\nfilm", [FILM, BYTES["Ċ"], BYTES["Ċ"], FILM]),
        ("é", [E_ACUTE]),
        ("a1!", [BYTES["a"], BYTES["1"], BYTES["!"]]),
        ("a\u0000", [BYTES["a"], BYTES["Ā"]]),
        ("film <mask>film", [FILM, BYTE_MASK, FILM]),
        ("<s>", [1]),
        ("<pad>", [0]),
        ("", []),
    ],
)
def test_bytes_are_joined_as_roberta_does(text: str, expected: list[int], byte_level: Any):
    assert ids(byte_level, text) == [expected]


def test_a_first_space_can_be_asked_for(tmp_path: Path):
    folder = tokenizer_files.save_byte_level(tmp_path, add_prefix_space=True)
    assert ids(preprocessor(folder, "roberta"), "film", " film") == [[SPACE_FILM]] * 2


def test_added_tokens_are_cut_out_of_texts_first(tmp_path: Path):
    added = '{"<user>": %d}'
    bytes_folder = tokenizer_files.save_byte_level(tmp_path / "bytes")
    (bytes_folder / "added_tokens.json").write_text(added % (BYTE_MASK + 1))
    made = preprocessor(bytes_folder, "roberta")
    assert ids(made, "film<user>film") == [[FILM, BYTE_MASK + 1, FILM]]
    last = len(tokenizer_files.UNIGRAM)
    folder = tokenizer_files.save_unigram_json(tmp_path / "pieces", "AlbertTokenizer")
    (folder / "added_tokens.json").write_text(added % last)
    film = tokenizer_files.UNIGRAM_PIECES.index("▁film") + len(tokenizer_files.ALBERT_SPECIAL)
    assert ids(preprocessor(folder, "albert"), "film <user>") == [[film, last]]
