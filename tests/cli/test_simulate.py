"""``gateway simulate``: what it passes on. The simulator itself has tests of its own."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_a_prompt_that_ends_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        ended = run("simulate", "--port", "0", "--system-id", "demo")
    assert (ended.status, ended.err) == (0, "")
    assert "for system_id demo" in ended.out


def test_a_script_that_cannot_be_played(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "script.toml"
    script.write_text("nothing = 1", encoding="utf-8")
    ended = run("simulate", "--port", "0", "--script", str(script))
    assert ended.status == 65
    assert ended.err.startswith("gateway: ")


def test_an_address_that_cannot_be_had(run: Run, config: str) -> None:
    """Said as the daemon says it."""
    ended = run("simulate", "--host", "203.0.113.1", "--port", "80")
    assert ended.status == 71
    said = "cannot listen on 203.0.113.1:80: Cannot assign requested address; use an address of this machine"
    assert said in ended.err
    file = Path(config)
    file.write_text(f'{file.read_text("utf-8")}\n[http]\nlisten = ["203.0.113.1:80"]\n', "utf-8")
    daemon = run("run", "-c", config)
    assert (daemon.status, said in daemon.err) == (71, True)


def test_a_port_that_somebody_has(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run("simulate", "--port", str(taken.getsockname()[1]))
    assert ended.status == 69
    assert "another process does; stop it, or choose another --port" in ended.err


def test_a_certificate(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    cert = Path(__file__).parents[1] / "carriers" / "certificates" / "carrier.pem"
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        ended = run("simulate", "--port", "0", "--tls-cert", str(cert), "--tls-key", str(cert))
    assert ended.status == 0
    assert "with TLS for any system_id" in ended.out


def test_certificates_that_cannot_be_used(run: Run, tmp_path: Path) -> None:
    ended = run("simulate", "--tls-cert", str(tmp_path / "gone.pem"))
    assert ended.status == 64
    assert "gone.pem with its key cannot be used: No such file" in ended.err
    assert run("simulate", "--tls-key", "key.pem").status == 64
