"""Loading: what a good file becomes, and that a bad one is told whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigErrors, load
from tests.config.world import GOOD, changed, loaded, problems, written


def test_a_good_file(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    assert config.gateway.node == "gw1"
    assert config.state_dir == tmp_path / "state"
    assert config.socket_path == tmp_path / "state" / "gateway.sock"
    assert [carrier.name for carrier in config.carriers] == ["acme"]
    assert [line.address for line in config.lines] == ["85700"]
    assert config.lines[0].keyword[0].list_name == "alerts"
    assert config.warnings == ()


def test_five_mistakes_are_five_problems(tmp_path: Path) -> None:
    text = """
        [gateway]
        nod = "gw1"
        [[carrier]]
        name = "acme"
        port = "2775"
        mode = "transciever"
        [[line]]
        address = "85700"
        carriers = ["acm"]
        [[line.keyword]]
        word = "STOP"
        action = "reply"
        user_reply = "x"
    """
    found = problems(tmp_path, text)
    assert len(found) == 5
    assert found[0] == 'gateway.nod: unknown key; did you mean "node"?'
    assert found[1] == (
        'carrier[acme].port: "2775" does not fit; write a whole number, 1 to 65535 (the default is 2775)'
    )
    assert found[2] == 'carrier[acme].mode: "transciever" does not fit; did you mean "transceiver"?'
    assert found[3] == 'line[85700].carriers: there is no carrier "acm"; did you mean "acme"?'
    assert found[4].startswith('line[85700].keyword[STOP].word: "STOP" is an opt-out word on this line')


def test_the_error_is_for_people_and_for_supervisors(tmp_path: Path) -> None:
    file = written(tmp_path, changed('name = "acme"', 'nmae = "acme"'))
    with pytest.raises(ConfigErrors, match="unknown key") as caught:
        load(file, {})
    assert caught.value.exit_code == 78
    assert str(caught.value).startswith(f"{file}: carrier[0].nmae")


@pytest.mark.parametrize(
    "text,place",
    [
        ('[gateway]\nnode = "gw1\n', "line 2, column 12"),
        ("[gateway", "end of the file"),
        ("a = 1\na = 2", "end of the file"),  # where Python's parser sees it
        ("a = 1\na = 2\nb = 3", "line 2, column 6"),
    ],
)
def test_bad_toml_says_where(tmp_path: Path, text: str, place: str) -> None:
    found = problems(tmp_path, text)
    assert len(found) == 1
    assert found[0].startswith(place)
    assert "the file must be TOML" in found[0]


def test_toml_that_says_no_place(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, f"a = {'9' * 5000}")
    assert "the file must be TOML" in found


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"cannot be read: No such file or directory; name the configuration"):
        load(tmp_path / "nowhere.toml", {})


def test_no_text(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_bytes(b"# \xff")
    with pytest.raises(ConfigErrors, match=r"is not UTF-8 text \(octet 2\); save it as UTF-8"):
        load(file, {})


@pytest.mark.parametrize(
    "text,expected",
    [
        ("", ["carrier: there is no [[carrier]]; a gateway needs a carrier to bind to"]),
        ("[htpp]", ['htpp: unknown table; did you mean "http"?']),
        ("[zzz]", ["zzz: unknown table; tables are: gateway, log, store, http, carrier, line"]),
        ("noed = 1", ["noed: unknown key; tables are: gateway, log, store, http, carrier, line"]),
        ("[[gateway]]", ["gateway: is not a table; write it as [gateway]"]),
        ("[carrier]", ["carrier: is not an array of tables; write each as [[carrier]]"]),
        ("line = [1]", ["line: is not an array of tables; write each as [[line]]"]),
    ],
)
def test_tables(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert problems(tmp_path, text)[: len(expected)] == expected


def test_a_mistake_does_not_make_others_appear(tmp_path: Path) -> None:
    found = problems(tmp_path, changed('name = "acme"', 'name = "acme"\nport = 0'))
    assert found == ["carrier[acme].port: 0 is below 1; write a whole number, 1 to 65535 (the default is 2775)"]


def test_the_process_environment_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_PASSWORD", "hunter2")
    file = written(tmp_path, changed('name = "acme"', 'name = "acme"\npassword = "env:ACME_PASSWORD"'))
    assert load(file).carriers[0].password.get_secret_value() == "hunter2"


@pytest.mark.parametrize(
    "environ,folder",
    [
        ({"STATE_DIRECTORY": "/s/a:/s/b", "XDG_STATE_HOME": "/x"}, "/s/a"),
        ({"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/gateway"),
        ({"HOME": "/h"}, "/h/.local/state/gateway"),
    ],
)
def test_the_state_folder_by_default(tmp_path: Path, environ: dict[str, str], folder: str) -> None:
    assert loaded(tmp_path, changed('state_dir = "state"', ""), environ).state_dir == Path(folder)


def test_the_state_folder_without_any_home(tmp_path: Path) -> None:
    found = loaded(tmp_path, changed('state_dir = "state"', "")).state_dir
    assert found.parts[-3:] == (".local", "state", "gateway")
    assert found.is_absolute()


def test_the_hash_is_of_the_values_and_not_of_their_spelling(tmp_path: Path) -> None:
    plain = loaded(tmp_path).config_hash
    assert len(plain) == 64
    assert (
        loaded(tmp_path, "# a comment\n" + changed('name = "acme"', 'name = "acme"\nport = 2775')).config_hash == plain
    )
    assert loaded(tmp_path, changed("on the list.", "on our list.")).config_hash != plain


def test_the_hash_holds_no_secret(tmp_path: Path) -> None:
    one, two = (
        loaded(tmp_path, changed('name = "acme"', f'name = "acme"\npassword = "{password}"'))
        for password in ("hunter2", "hunter3")
    )
    assert one.config_hash == two.config_hash
    assert "hunter2" not in repr(one)


def test_a_secret_in_a_file_that_everybody_may_read(tmp_path: Path) -> None:
    file = written(tmp_path, changed('name = "acme"', 'name = "acme"\npassword = "hunter2"'))
    assert load(file, {}).warnings == ()
    file.chmod(0o644)
    (warning,) = load(file, {}).warnings
    assert warning.key == "carrier[acme].password"
    assert "hunter2" not in str(warning)


def test_good_is_good(tmp_path: Path) -> None:
    assert loaded(tmp_path, GOOD + '\n[http]\nlisten = []\n[log]\nlevel = "debug"').log.level == "debug"


def test_tls_files_are_seen_from_the_configuration(tmp_path: Path) -> None:
    """As every other path in it; not from wherever the command was started."""
    (tmp_path / "certificates").mkdir()
    certificate = Path(__file__).parents[1] / "carriers" / "certificates" / "ca.pem"
    (tmp_path / "certificates" / "ca.pem").write_bytes(certificate.read_bytes())
    text = GOOD.replace('name = "acme"', 'name = "acme"\ntls = true\ntls_ca = "certificates/ca.pem"', 1)
    (carrier,) = load(written(tmp_path, text), {}).carriers
    assert carrier.tls_ca == str(tmp_path / "certificates" / "ca.pem")
