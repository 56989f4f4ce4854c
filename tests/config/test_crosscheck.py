"""What only the whole configuration can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.world import GOOD, changed, loaded, problems

CARRIER = '[[carrier]]\nname = "{}"\n'


@pytest.mark.parametrize(
    "text,expected",
    [
        (GOOD + CARRIER.format("acme"), ["carrier[acme].name: stands 2 times; each [[carrier]] needs its own name"]),
        (
            GOOD + '[[line]]\naddress = "85700"\ncarriers = ["acme"]\n' * 2,
            ["line[85700].address: stands 3 times; each [[line]] needs its own address"],
        ),
        (changed('carriers = ["acme"]', ""), ["line[85700].carriers: names no carrier; name one or more of: acme"]),
        (
            changed('carriers = ["acme"]', 'carriers = ["acme", "acme"]'),
            ["line[85700].carriers: names a carrier twice; name each carrier once"],
        ),
        (
            changed('carriers = ["acme"]', 'carriers = ["zzz"]'),
            ['line[85700].carriers: there is no carrier "zzz"; carriers here are: acme'],
        ),
        (
            GOOD + '[http]\nlisten = ["[::1]:80", "[::1]:0", "[::1]:80", "[::1]:0"]\n',
            ["http.listen: [::1]:80 stands twice; name each address once"],
        ),
        (
            GOOD + '[http]\npublic_listen = ["[::1]:80"]\n',
            ["http.public_listen: this version has no sign-up pages to serve there; leave it empty"],
        ),
        (
            '[[line]]\naddress = "85700"\ncarriers = ["acme"]\n',
            [
                "carrier: there is no [[carrier]]; a gateway needs a carrier to bind to",
                'line[85700].carriers: there is no carrier "acme"; carriers here are: none',
            ],
        ),
        (
            GOOD + '[[line]]\naddress = "+8-57 00"\ncarriers = ["acme"]\n',
            ['line[+8-57 00].address: is "85700" in another spelling; each [[line]] needs its own address'],
        ),
        (
            '[[line]]\naddress = "85700"\n',
            [
                "carrier: there is no [[carrier]]; a gateway needs a carrier to bind to",
                "line[85700].carriers: names no carrier; add a [[carrier]], and name it here",
            ],
        ),
        (
            changed('carriers = ["acme"]', "") + '[[carrier]]\nhost = "smsc"\n',
            [
                "carrier[1].name: is missing; Name of this carrier in logs, metrics and the lines' carriers keys: "
                "letters, digits, _.-",
                "line[85700].carriers: names no carrier; name one or more of: acme",
            ],
        ),
        (
            GOOD + '[store]\nurl = "postgres://db"\n',
            ['store.url: "postgres:" is no database that we know; there is "postgresql:", "sqlite:"'],
        ),
        (CARRIER.format("acme"), ["line: there is no [[line]]; a gateway needs a line that subscribers text to"]),
    ],
)
def test_the_whole(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert problems(tmp_path, text) == expected


def test_an_answer_may_take_as_many_segments_as_a_send(tmp_path: Path) -> None:
    long = "x" * (153 * 3)
    text = changed('name = "Acme Alerts"', f'help_reply = "{long}"')
    assert loaded(tmp_path, text).warnings == ()
    tight = text.replace("[gateway]", "[gateway]\nmax_segments = 2").replace("on the list.", f"on {{name}}. {long}")
    limit = "at most 2, as [gateway] max_segments says"
    assert problems(tmp_path, tight) == [
        f"line[85700].help_reply: takes 3 segments; {limit}",
        f"line[85700].keyword[JOIN].user_reply: takes 4 segments; {limit}",
    ]
    unread = "gateway = 5\n" + text[text.index("[[carrier]]") :]
    assert problems(tmp_path, unread) == ["gateway: is not a table; write it as [gateway]"]


@pytest.mark.parametrize("style, takes", [("udh8", 2), ("sar", 2), ("payload", 2), ("udh16", 3)])
def test_an_answer_is_cut_as_the_lines_carrier_wants_it(tmp_path: Path, style: str, takes: int) -> None:
    text = changed('name = "Acme Alerts"', f'help_reply = "{"x" * 306}"').replace(
        'name = "acme"', f'name = "acme"\nsegments = "{style}"'
    )
    tight = text.replace("[gateway]", "[gateway]\nmax_segments = 2")
    limit = "at most 2, as [gateway] max_segments says"
    if takes > 2:
        assert problems(tmp_path, tight) == [f"line[85700].help_reply: takes 3 segments; {limit}"]
    else:
        assert loaded(tmp_path, tight).warnings == ()


@pytest.mark.parametrize(
    "keys, takes",
    [
        ('alphabet = "gsm"', 1),
        ('alphabet = "utf-8"', 1),
        ('alphabet = "latin-1"', 2),  # it has no euro sign, so the answer goes as UCS-2
        ('alphabet = "ascii"', 2),
        ('quirk = "vibes"', 1),  # ASCII, but GSM has a data_coding of its own
    ],
)
def test_an_answer_is_counted_in_the_alphabet_of_the_lines_carrier(tmp_path: Path, keys: str, takes: int) -> None:
    text = changed('name = "Acme Alerts"', f'help_reply = "5 € {"x" * 96}"').replace(
        'name = "acme"', f'name = "acme"\n{keys}'
    )
    tight = text.replace("[gateway]", "[gateway]\nmax_segments = 1")
    if takes > 1:
        limit = "at most 1, as [gateway] max_segments says"
        assert problems(tmp_path, tight) == [f"line[85700].help_reply: takes 2 segments; {limit}"]
    else:
        assert loaded(tmp_path, tight).warnings == ()


@pytest.mark.parametrize(
    "table, said",
    [
        ('0x45 = "opt_out"', 'statuses.0x45: "opt_out" does not fit; did you mean "opted_out"?'),
        ("0x45 = 3", 'statuses.0x45: 3 does not fit; write one of: "throttle", "retry", "fail", "opted_out"'),
        ('busy = "retry"', "statuses.busy: is no status; write it as 0x45 or as 69"),
        ('"0" = "retry"', "statuses.0: is no status; write it as 0x45"),
        ('"0x0" = "retry"', "no status that can mean anything else"),
        ('"0xFFFFFFFF" = "retry"', "no status that can mean anything else"),
        ('"0x45" = "retry"\n"69" = "fail"', '"0x45" and "69" are the same status; write it once'),
    ],
)
def test_statuses_of_a_carrier(tmp_path: Path, table: str, said: str) -> None:
    (problem,) = problems(tmp_path, changed("[[line]]", f"[carrier.statuses]\n{table}\n[[line]]"))
    assert problem.startswith("carrier[acme].statuses")
    assert said in problem


def test_every_mistake_in_a_carriers_statuses_is_told(tmp_path: Path) -> None:
    table = 'busy = "retry"\n0x45 = "throtle"\n0x46 = 3\n'
    found = problems(tmp_path, changed("[[line]]", f"[carrier.statuses]\n{table}\n[[line]]"))
    keys = {problem.partition(":")[0] for problem in found}
    assert keys == {f"carrier[acme].statuses.{status}" for status in ("busy", "0x45", "0x46")}


SPARE = '[[carrier]]\nname = "spare"\n'
BOTH = changed('["acme"]', '["acme", "spare"]') + SPARE
ACME = 'name = "acme"'


@pytest.mark.parametrize(
    "text, key, said",
    [
        (changed(ACME, f'{ACME}\nmode = "receiver"'), "line[85700].carriers", "none of them submits"),
        (BOTH.replace(ACME, f"{ACME}\nweight = 0") + "weight = 0\n", "line[85700].carriers", "all have weight 0"),
        (
            BOTH.replace(ACME, f'{ACME}\nprefixes = ["+1"]') + 'prefixes = ["+1", "+49"]\n',
            "line[85700].carriers",
            'several of them have the prefix "+1"',
        ),
        (GOOD + SPARE, "carrier[spare]", "no line uses it"),
        (changed(ACME, f'{ACME}\nsystem_id = "sixteen_letters_"'), "carrier[acme].system_id", "15 characters"),
        (changed(ACME, f'{ACME}\npassword = "nine_long"'), "carrier[acme].password", "8 characters"),
    ],
)
def test_what_is_surely_not_meant_is_a_warning(tmp_path: Path, text: str, key: str, said: str) -> None:
    (warning,) = loaded(tmp_path, text).warnings
    assert warning.key == key
    assert said in warning.what
    assert warning.right


def test_a_login_that_is_cut_is_no_warning(tmp_path: Path) -> None:
    text = changed(ACME, f'{ACME}\npassword = "nine_long"\ntruncate_login = true')
    assert loaded(tmp_path, text).warnings == ()


def test_a_table_where_an_array_belongs_hides_its_names(tmp_path: Path) -> None:
    found = problems(tmp_path, changed("[[carrier]]", "[carrier]"))
    assert found[0].startswith("carrier: is not an array of tables")
    assert not any("?" in problem for problem in found)


def test_a_carrier_with_a_mistake_still_has_its_name(tmp_path: Path) -> None:
    found = problems(tmp_path, changed('name = "acme"', 'name = "acme"\nport = 0\nreconnect_max_s = 0.5'))
    assert [problem.partition(":")[0] for problem in found] == ["carrier[acme].port", "carrier[acme]"]


def test_any_free_port_may_stand_twice(tmp_path: Path) -> None:
    config = loaded(tmp_path, GOOD + '[http]\nlisten = ["127.0.0.1:0", "127.0.0.1:0"]\n')
    assert config.http.listen == ("127.0.0.1:0", "127.0.0.1:0")


def test_http_that_cannot_be_read_is_not_looked_at(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, GOOD + "[http]\nlisten = 5\n")
    assert found.startswith("http.listen: 5 does not fit")


def test_a_line_that_no_stop_can_reach(tmp_path: Path) -> None:
    (warning,) = loaded(tmp_path, changed('name = "acme"', 'name = "acme"\nmode = "transmitter"')).warnings
    assert warning.key == "line[85700].carriers"
    assert "no STOP can arrive" in warning.what


def test_one_receiver_is_enough(tmp_path: Path) -> None:
    text = changed('carriers = ["acme"]', 'carriers = ["acme", "back"]').replace(
        'name = "acme"', 'name = "acme"\nmode = "transmitter"', 1
    )
    assert loaded(tmp_path, text + CARRIER.format("back")).warnings == ()


def test_what_policy_finds_is_told_at_its_key(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, changed('action = "join"', 'action = "jion"'))
    assert found.startswith('line[85700].keyword[JOIN].action: there is no action "jion"')


def test_what_policy_finds_odd_is_a_warning(tmp_path: Path) -> None:
    (warning,) = loaded(tmp_path, changed('name = "Acme Alerts"', 'drop_words = ["ALTO"]')).warnings
    assert warning.key == "line[85700].drop_words[0]"


def test_a_keyword_without_a_word_keeps_its_number(tmp_path: Path) -> None:
    found = problems(tmp_path, changed('word = "JOIN"', 'word = ""'))
    assert found[0].startswith("line[85700].keyword[0].word:")
