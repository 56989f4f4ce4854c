"""The [http] table: what it takes, and what it says to what it does not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.model.requests import Role
from gateway.web.options import HttpOptions, ListenAddress, TokenOptions, parse_listen

DIGEST = "ab" * 32


def test_the_defaults_listen_on_this_machine_alone() -> None:
    options = HttpOptions()
    assert (options.listen, options.public_listen, options.token) == (("127.0.0.1:8080",), (), ())


@pytest.mark.parametrize(
    "text,host,port,spelt",
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1:8080"),
        (" localhost:0 ", "localhost", 0, "localhost:0"),
        ("[::1]:8080", "::1", 8080, "[::1]:8080"),
        ("[fe80::1%eth0]:80", "fe80::1%eth0", 80, "[fe80::1%eth0]:80"),
    ],
)
def test_addresses(text: str, host: str, port: int, spelt: str) -> None:
    address = parse_listen(text)
    assert address == ListenAddress(host, port)
    assert str(address) == spelt
    assert HttpOptions(listen=(text,)).listen == (spelt,)


@pytest.mark.parametrize(
    "text", ["8080", "localhost", ":8080", "::1:8080", "[::1]", "a b:1", "h:65536", "h:123456", ""]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValidationError, match="is no address to listen on"):
        HttpOptions(listen=(text,))


def test_a_token() -> None:
    token = TokenOptions(name="crm", sha256=DIGEST.upper(), role="operator")
    assert (token.sha256, token.as_role) == (DIGEST, Role.OPERATOR)
    assert TokenOptions(name="crm", sha256=DIGEST).as_role is Role.VIEWER


@pytest.mark.parametrize(
    "changes",
    [{"sha256": "my-very-secret-token"}, {"sha256": "g" * 64}, {"name": "local:root"}, {"name": ""}, {"role": "root"}],
)
def test_what_is_no_token(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        TokenOptions.model_validate({"name": "crm", "sha256": DIGEST, **changes})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("second", [{"name": "a", "sha256": "cd" * 32}, {"name": "b", "sha256": DIGEST}])
def test_two_tokens_must_differ(second: dict[str, str]) -> None:
    first = {"name": "a", "sha256": DIGEST}
    with pytest.raises(ValidationError, match="two tokens have the same"):
        HttpOptions.model_validate({"token": [first, second]})


def test_unknown_keys_are_errors() -> None:
    with pytest.raises(ValidationError, match="port"):
        HttpOptions.model_validate({"port": 8080})


def test_two_tokens_that_differ() -> None:
    tokens = [{"name": "a", "sha256": DIGEST}, {"name": "b", "sha256": "cd" * 32, "role": "admin"}]
    assert [token.name for token in HttpOptions.model_validate({"token": tokens}).token] == ["a", "b"]
