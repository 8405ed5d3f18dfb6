"""The n-grams: by TensorFlow's operations they are those that Python and FarmHash give."""

import collections
import itertools
import random
import re
import sys

import farmhash
import pytest
import tensorflow as tf

from albert_tfx.contract import LINE_BREAK
from albert_tfx.yardstick import ngrams

SURROGATES = range(0xD800, 0xE000)
CHARACTERS = [chr(code) for code in range(sys.maxunicode + 1) if code not in SURROGATES]


@pytest.fixture(scope="module")
def counter():
    return ngrams.NgramCounter()


def test_a_character_that_unicode_does_not_assign_would_stay_as_it_is():
    unassigned = [
        each for each in map(chr, range(sys.maxunicode + 1)) if not ngrams._is_assigned(each)
    ]
    assert len(unassigned) > 800_000
    assert [each for each in unassigned if ngrams._folded(each) != each] == []


def words_of(text: bytes) -> list[bytes]:
    """Returns what the graph should, by Python alone."""
    plain = re.sub(LINE_BREAK, " ", text.decode(errors="replace"))
    return [word.encode() for word in plain.translate(ngrams.folded_characters()).split()]


def drawn_texts() -> list[bytes]:
    """Returns texts of every plane of Unicode, of bytes that are no UTF-8, and of mark-up."""
    draw = random.Random(7)
    below = {"any": CHARACTERS, "near": CHARACTERS[:0x3000], "marked": "aB é!\n<br/>İßﬁς\u0301"}
    texts = [bytes(draw.randrange(256) for _ in range(draw.randrange(40))) for _ in range(2000)]
    for characters in below.values():
        texts += [
            "".join(draw.choices(characters, k=draw.randrange(40))).encode() for _ in range(2000)
        ]
    return texts


def test_every_character_is_folded_as_python_does(counter):
    text = "".join(CHARACTERS).encode()
    assert counter.words(tf.constant([text])).to_list() == [words_of(text)]


def test_the_words_of_any_bytes_are_those_of_python(counter):
    texts = drawn_texts()
    assert counter.words(tf.constant(texts)).to_list() == list(map(words_of, texts))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\n\u2028\x1c", []),
        (":)", []),
        ("It's GREAT!<br />Really", ["it", "s", "great", "really"]),
        ("a<BR>b<br\n/>c", ["a", "b", "c"]),
        ("STRASSE Straße ẞ", ["strasse", "strasse", "ss"]),
        ("ΣΊΣΥΦΟΣ σίσυφος", ["σι\u0301συφοσ"] * 2),
        ("café cafe\u0301 CAFÉ", ["cafe\u0301"] * 3),
        ("ﬁne Ⅳ ｆｕｌｌ ㎏", ["fine", "iv", "full", "kg"]),
        ("İI", ["i\u0307i"]),
        ("so\u00adft x\u200dy \ufeffz", ["soft", "xy", "z"]),
        ("❤️ ❤ 👨\u200d👩\u200d👧", ["❤", "❤", "👨👩👧"]),
        ("한글 한글", ["한글"] * 2),
        ("¿qué? «oui» 「はい」", ["que\u0301", "oui", "はい"]),
        ("a\0b", ["a\0b"]),
    ],
)
def test_words(counter, text, words):
    found = counter.words(tf.constant([text.encode()])).to_list()[0]
    assert [word.decode() for word in found] == [
        # What decomposes is decomposed: Hangul into its letters.
        "".join(ngrams.folded_characters().get(ord(each), each) for each in word)
        for word in words
    ]


def test_words_and_pairs_are_counted_by_their_fingerprints(counter):
    texts = [b"so so good", b"", b"a " * 1000, b"\xff"]
    expected: collections.Counter[tuple[int, int]] = collections.Counter()
    for row, text in enumerate(texts):
        words = words_of(text)
        for ngram in [*words, *map(b" ".join, itertools.pairwise(words))]:
            expected[row, farmhash.fingerprint64(ngram) % ngrams.COLUMNS] += 1
    matrix = counter.matrix(texts).tocoo()
    cells = zip(matrix.row.tolist(), matrix.col.tolist(), strict=True)
    assert dict(zip(cells, matrix.data.tolist(), strict=True)) == expected
    assert matrix.shape == (4, ngrams.COLUMNS)
