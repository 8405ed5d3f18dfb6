"""What the words of a text are, and which texts have the same ones."""

import pytest

from albert_tfx.data.words import digest, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A  Film,\tWELL made.\n", ["a", "film", "well", "made"]),
        ("So bad<br /><br>so<BR/>good", ["so", "bad", "so", "good"]),
        ("Straße “naïve” … ﬁlm", ["strasse", "naïve", "film"]),
        ("nai\u0308ve", ["naïve"]),
        ("बहुत अच्छी।", ["बहुत", "अच्छी"]),
        ("great 👍", ["great", "👍"]),
        (":)", [":)"]),
        ("", [""]),
        (" <br /> ", [""]),
    ],
)
def test_words_are_what_is_left_without_case_breaks_and_punctuation(text, expected):
    assert words(text) == expected


def test_digests_differ_where_words_do():
    texts = ["", ":)", ":(", "good", "good film", "goodfilm", "film good", "great 👍", "great 👎"]
    assert len({digest(words(text)) for text in texts}) == len(texts)
    assert digest(words("Good film!")) == digest(words("good<br />FILM"))
