"""The [[carrier]] table: what it takes, and what it says about what it does not take."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.carriers.options import CarrierOptions, Mode


def test_a_name_is_enough() -> None:
    options = CarrierOptions(name="acme")
    assert (options.mode, options.binds, options.window, options.quirk) == (Mode.TRANSCEIVER, 1, 100, "standard")


def test_every_key_has_a_sentence_and_every_time_its_unit() -> None:
    for name, field in CarrierOptions.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        if "econds" in field.description and name not in ("max_per_second",):
            assert name.endswith("_s"), name


@pytest.mark.checklist("B6")
def test_what_the_book_forbids_and_carriers_want_is_taken() -> None:
    options = CarrierOptions(name="acme", password="a-password-of-twenty", system_id="sixteen-octets-id")  # type: ignore[arg-type]
    assert options.password.get_secret_value() == "a-password-of-twenty"
    assert "twenty" not in repr(options)


@pytest.mark.parametrize(
    "keys, complaint",
    [
        ({"name": "two words"}, "name"),
        ({"windw": 5}, "windw"),
        ({"mode": "tranceiver"}, "transmitter\\+receiver"),
        ({"port": 0}, "port"),
        ({"quirk": "odd"}, "no quirk is called 'odd'; there are: .*standard"),
        ({"password": "pass\0word"}, "Latin-1 without NUL"),
        ({"system_id": "демо"}, "Latin-1 without NUL"),
        ({"address_range": "x" * 41}, "address_range"),
        ({"reconnect_gap_s": 90}, r"reconnect_gap_s \(90\) must not be above reconnect_max_s \(60\)"),
        ({"refused_gap_s": 900}, r"refused_gap_s \(900\) must not be above refused_max_s \(600\)"),
        ({"window": 0}, "window"),
        ({"enquire_link_s": 0}, "enquire_link_s"),
    ],
)
def test_what_is_wrong_is_named(keys: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        CarrierOptions.model_validate({"name": "acme"} | keys)
