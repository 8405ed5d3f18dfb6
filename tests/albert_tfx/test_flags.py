import dataclasses
import math

import pytest

from albert_tfx.contract import FINE_TUNED, FROZEN
from albert_tfx.errors import InputError
from albert_tfx.flags import Flag, at_least, check, declared, one_of, option


@dataclasses.dataclass(frozen=True)
class Options:
    model: str = FROZEN
    layers: int = option(2, bounds=at_least(1), called="{model} layers")
    pooling: str = option("mean", Flag("--pooling", "group", "use"), bounds=one_of(("mean", "max")))
    rate: float | None = option(
        None,
        frozen=Flag("--slow-rate", "group", "use"),
        fine_tuned=Flag("--fast-rate", "group", "use"),
        bounds=at_least(0),
    )
    share: float | None = option(None)

    def __post_init__(self):
        check(self)


def test_flags_come_in_the_order_of_the_fields_and_know_where_their_values_go():
    found = [(each.flag.key, each.field.name, each.model) for each in declared(Options)]

    assert found == [
        ("pooling", "pooling", None),
        ("slow_rate", "rate", FROZEN),
        ("fast_rate", "rate", FINE_TUNED),
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"layers": 0}, "frozen layers cannot be 0. Give at least 1."),
        ({"pooling": "min"}, "pooling cannot be 'min'. Give one of mean, max."),
        ({"rate": -0.5}, "rate cannot be -0.5. Give at least 0."),
        ({"rate": math.inf}, "rate cannot be inf. Give a finite number."),
        ({"share": math.nan}, "share cannot be nan. Give a finite number."),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_its_name(given, expected):
    with pytest.raises(InputError) as refused:
        Options(**given)

    assert str(refused.value) == expected


def test_what_is_not_given_is_not_looked_at():
    assert Options().rate is None
