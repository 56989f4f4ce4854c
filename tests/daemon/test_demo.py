"""The demonstration's own: where it listens, and what it says of itself (tests/e2e plays it whole)."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path

import pytest

from gateway.daemon import demo


def test_a_port_is_free_until_somebody_listens_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert not demo._is_free(address)
    assert demo._is_free(address)


@pytest.mark.parametrize("free", [True, False])
def test_it_listens_where_it_says_or_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: bool
) -> None:
    monkeypatch.setattr(demo, "_is_free", lambda address: free and address == demo.PREFERRED)
    config = demo._config(tmp_path, 4711, "gw_secret")
    assert config.http.listen == (demo.PREFERRED if free else "127.0.0.1:0",)
    assert config.state_dir == tmp_path
    assert [carrier.port for carrier in config.carriers] == [4711]
    assert [token.sha256 for token in config.http.token] == [hashlib.sha256(b"gw_secret").hexdigest()]
    assert config.lines[0].address == demo.LINE
    assert config.log.level == "warning"
