"""The commands that need no store: check, token, explain."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tomllib
from pathlib import Path

import pytest

from gateway.cli import commands
from gateway.cli.document import page
from gateway.web.access import Authority
from gateway.web.options import HttpOptions
from tests.cli.conftest import CONFIG, Run


def test_check_good(run: Run, config: str) -> None:
    ended = run("check", "-c", config)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith(f"{config}: good; 1 carrier, 1 line, 1 keyword; hash ")


def test_check_by_environment(run: Run, config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", config)
    assert run("check").status == 0


def test_check_bad(run: Run, config: str) -> None:
    Path(config).write_text(CONFIG.replace("node", "nod").replace('"acme"', '"acm"', 1), encoding="utf-8")
    ended = run("check", "-c", config)
    assert (ended.status, ended.out) == (78, "")
    assert ended.err.splitlines() == [
        f'{config}: gateway.nod: unknown key; did you mean "node"?',
        f'{config}: line[85700].carriers: there is no carrier "acme"; did you mean "acm"?',
        f"{config}: 2 problems",
    ]


@pytest.mark.parametrize("strict,status", [((), 0), (("--strict",), 78)])
def test_check_warnings(run: Run, config: str, strict: tuple[str, ...], status: int) -> None:
    Path(config).write_text(CONFIG.replace('name = "acme"', 'name = "acme"\nmode = "transmitter"'), encoding="utf-8")
    ended = run("check", "-c", config, *strict)
    assert ended.status == status
    assert ended.err.startswith(f"warning: {config}: line[85700].carriers: none of them receives")


@pytest.mark.parametrize(
    "text,word",
    [
        (CONFIG + '[[line]]\naddress = "85701"\ncarriers = ["acme"]', "the line that it was sent to"),
        (CONFIG.replace('node = "gw1"', 'stop_scope = "account"'), "every line of the account"),
    ],
)
def test_check_names_the_law(run: Run, config: str, text: str, word: str) -> None:
    Path(config).write_text(text, encoding="utf-8")
    out = run("check", "-c", config).out
    assert "47 CFR 64.1200(a)(10)" in out
    assert word in out


def test_check_for_machines(run: Run, config: str) -> None:
    assert json.loads(run("check", "-c", config, "--json").out) == {"ok": True, "problems": [], "warnings": []}
    Path(config).write_text("[[gateway]]", encoding="utf-8")
    ended = run("check", "-c", config, "--json")
    assert ended.status == 78
    found = json.loads(ended.out)
    assert found["ok"] is False
    assert found["problems"][0] == {
        "file": config,
        "key": "gateway",
        "what": "is not a table",
        "right": "write it as [gateway]",
    }


def test_a_token_is_let_in_by_the_configuration_printed_with_it(run: Run) -> None:
    ended = run("token", "--name", "crm", "--role", "operator")
    token, _, table = ended.out.partition("\n")
    options = HttpOptions.model_validate(tomllib.loads(table)["http"])
    actor = Authority(options.token).actor(f"Bearer {token}", None)
    assert (getattr(actor, "name", None), getattr(actor, "role", None).word) == ("crm", "operator")  # type: ignore[union-attr]  # a Problem has neither
    assert "only time" in ended.err


def test_tokens_differ_and_have_a_form_for_machines(run: Run) -> None:
    one, two = (json.loads(run("token", "--json").out) for _ in range(2))
    assert one["token"] != two["token"]
    assert one["sha256"] == hashlib.sha256(one["token"].encode()).hexdigest()
    assert (one["name"], one["role"]) == ("api", "viewer")


@pytest.mark.parametrize("name", ["", "a b", "-x", 'x"\n[y]'])
def test_a_token_name_must_fit_the_configuration(run: Run, name: str) -> None:
    ended = run("token", f"--name={name}")
    assert ended.status == 64
    assert ended.out == ""


def test_the_page_about_commands_has_a_section_for_each() -> None:
    text = page()
    assert all(f"\n## `gateway {name}`\n" in text for name in commands.names())
    assert "\n### `gateway messages list`\n" in text


def test_explain_for_people(run: Run, config: str) -> None:
    out = run("explain", "-c", config, "--line", "85700", "JOIN").out
    assert "outcome     keyword" in out
    assert "  -> You're on the list." in out
    assert "replies     none" in run("explain", "-c", config, "--line", "85700", "hello there").out


def test_explain_for_machines(run: Run, config: str) -> None:
    found = json.loads(run("explain", "-c", config, "--line", "85700", "--json", "STOP").out)
    assert found["outcome"] == "opt_out"
    assert list(found)[:5] == ["text", "outcome", "keyword", "matched_by", "replies"]


@pytest.mark.parametrize("status,replies", [("opted_in", 1), ("not_defined", 1), ("opted_out", 0)])
def test_explain_depends_on_consent(run: Run, config: str, status: str, replies: int) -> None:
    found = json.loads(run("explain", "-c", config, "--line", "85700", "--status", status, "--json", "STOP").out)
    assert len(found["replies"]) == replies


def test_explain_line_by_line(run: Run, config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('"JOIN"\n\n"STOP"\n"\\ud83d\\ude00 \\ud800"\n'))
    ended = run("explain", "-c", config, "--line", "85700")
    assert [json.loads(line)["outcome"] for line in ended.out.splitlines()] == ["keyword", "opt_out", "none"]


@pytest.mark.parametrize("line,wrong", [("JOIN", "line 2 of the input is not JSON"), ("5", "is no JSON string")])
def test_explain_cannot_read(run: Run, config: str, monkeypatch: pytest.MonkeyPatch, line: str, wrong: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f'"JOIN"\n{line}\n'))
    ended = run("explain", "-c", config, "--line", "85700")
    assert ended.status == 65
    assert wrong in ended.err
    assert len(ended.out.splitlines()) == 1


def test_explain_needs_no_secret_and_takes_any_spelling_of_the_line(run: Run, config: str) -> None:
    Path(config).write_text(CONFIG.replace('"acme"', '"acme"\npassword = "env:NOT_SET"', 1), encoding="utf-8")
    ended = run("explain", "-c", config, "--line", "+857-00", "STOP")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("outcome     opt_out\n")


def test_explain_no_such_line(run: Run, config: str) -> None:
    ended = run("explain", "-c", config, "--line", "85701", "x")
    assert ended.status == 65
    assert ended.err == f'gateway: there is no line "85701" in {config}; its lines are: 85700\n'


def test_segments_for_people(run: Run) -> None:
    out = run("explain", "--segments", "Don’t miss it – {5 left}").out
    assert "encoding        UCS-2\n" in out
    assert "used            24 of 70 16 bit units\n" in out
    assert "transliterated  GSM, 1 segment: Don't miss it - {5 left}\n" in out
    assert 'RIGHT SINGLE QUOTATION MARK  "\'"\n' in out
    assert run("explain", "--segments", "a" * 161).out == (
        "encoding    GSM\n"
        "segments    2\n"
        "characters  161\n"
        "used        161 in all; in the last segment 8 of 153 septets\n"
        "left        145\n"
    )


@pytest.mark.parametrize(
    "text,said",
    [
        ("Don’t 😀", "unchanged: not every character below can be made plain"),
        ("…" * 54, "unchanged: it would take more segments"),
        ("a\u200bb\u2028c", "left out"),
        ("a\u2028b", "a line break"),
        ("…" * 70 + "‘" * 70, "GSM, 2 segments"),
        ("😀", "stays as it is"),
    ],
)
def test_segments_say_what_transliteration_would_do(run: Run, text: str, said: str) -> None:
    assert said in run("explain", "--segments", text).out


def test_segments_for_machines(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(run("explain", "--segments", "--json", "Don’t").out)
    assert found == {
        "text": "Don’t",
        "encoding": "UCS-2",
        "segments": 1,
        "characters": 5,
        "used": [5],
        "left": 65,
        "most": None,
        "refused": False,
        "two_septets": [],
        "not_gsm": [
            {
                "position": 4,
                "character": "’",
                "code_point": "U+2019",
                "name": "RIGHT SINGLE QUOTATION MARK",
                "plain": "'",
            }
        ],
        "transliterated": {"text": "Don't", "encoding": "GSM", "segments": 1},
    }
    monkeypatch.setattr(sys, "stdin", io.StringIO('"a"\n"😀"\n'))
    ended = run("explain", "--segments")
    assert [json.loads(line)["encoding"] for line in ended.out.splitlines()] == ["GSM", "UCS-2"]


def test_segments_name_what_takes_two_septets(run: Run) -> None:
    out = run("explain", "--segments", "[5 €] or [7 €]").out
    assert "used              20 of 160 septets\n" in out
    assert "two septets each  [ (2), € (2), ] (2)\n" in out
    found = json.loads(run("explain", "--segments", "--json", "€^").out)
    assert found["two_septets"] == [{"character": "€", "times": 1}, {"character": "^", "times": 1}]
    assert json.loads(run("explain", "--segments", "--json", "€😀").out)["two_septets"] == []


def test_segments_say_that_a_text_would_be_refused(run: Run, config: str) -> None:
    asked = ("explain", "--segments", "-c", config, "--line", "85700")
    assert "refused     yes: [gateway] max_segments is 10\n" in run(*asked, "a" * 1600).out
    assert "refused" not in run(*asked, "a" * 1530).out
    assert "refused" not in run("explain", "--segments", "a" * 1600).out, "no configuration, no limit"
    found = json.loads(run(*asked, "--json", "a" * 1600).out)
    assert (found["segments"], found["most"], found["refused"]) == (11, 10, True)


def test_explain_reads_a_text_from_standard_input(run: Run, config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("STOP\n"))
    assert run("explain", "-c", config, "--line", "85700", "-").out.startswith("outcome     opt_out\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("two\nlines\n"))
    assert json.loads(run("explain", "--segments", "--json", "-").out)["characters"] == 9


def test_segments_as_a_line_sends_them(run: Run, config: str) -> None:
    asked = ("explain", "--segments", "--json", "-c", config, "--line", "85700", "Don’t")
    assert json.loads(run(*asked).out)["encoding"] == "UCS-2"
    plain = CONFIG.replace('address = "85700"', 'address = "85700"\ntransliterate = true')
    Path(config).write_text(plain, encoding="utf-8")
    found = json.loads(run(*asked).out)
    assert (found["encoding"], found["left"], len(found["not_gsm"])) == ("GSM", 155, 1)
    assert "encoding        GSM\n" in run("explain", "--segments", "-c", config, "--line", "85700", "Don’t").out


@pytest.mark.parametrize(
    "arguments,wrong",
    [(("x",), "--line ADDRESS is needed"), (("--line", "85700", "x"), "-c FILE is needed")],
)
def test_explain_says_what_is_missing(run: Run, arguments: tuple[str, ...], wrong: str) -> None:
    ended = run("explain", *arguments)
    assert ended.status == 64
    assert wrong in ended.err


def test_replies_are_shown_as_they_go_out(run: Run, config: str) -> None:
    curly = CONFIG.replace('address = "85700"', 'address = "85700"\ntransliterate = true\nhelp_reply = "Anne’s…"')
    Path(config).write_text(curly, encoding="utf-8")
    assert "  -> Anne's..." in run("explain", "-c", config, "--line", "85700", "HELP").out
