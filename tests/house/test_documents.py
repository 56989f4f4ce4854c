"""The pages say what the code does: configuration, metrics, commands, routes, changes, examples, the service unit."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import gateway.config.document
import gateway.telemetry.document
from gateway.cli.app import gateway as command_line
from gateway.config import load
from gateway.daemon.fleet import LIVE
from gateway.web.access import ACCESS
from tests.house.files import ROOT, name, written

MAKE = "run `make docs` and commit the page"


def page(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def test_configuration() -> None:
    assert page("docs/configuration.md") == gateway.config.document.page(), MAKE


def test_metrics() -> None:
    assert page("docs/metrics.md") == gateway.telemetry.document.page(), MAKE


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _commands(found, f"{path} {inner}")


def test_commands() -> None:
    """Each command has a section with each of its options. How click lays them out is click's own affair."""
    text = page("docs/commands.md")
    sections = dict(re.findall(r"^##+ `([^`]+)`\n(.*?)(?=^##+ `|\Z)", text, re.DOTALL | re.MULTILINE))
    existing = dict(_commands(command_line, "gateway"))
    assert sections.keys() == existing.keys(), MAKE
    for path, command in existing.items():
        for parameter in command.params:
            spelt = parameter.opts[-1] if isinstance(parameter, click.Option) else parameter.make_metavar(_BARE)
            assert spelt in sections[path], f"{path}: {spelt}: {MAKE}"


_BARE = click.Context(click.Command("bare"))


@pytest.mark.parametrize("method,path", ACCESS)
def test_routes(method: str, path: str) -> None:
    assert f"`{method} {path}`" in page("docs/http.md"), "document the route"


def test_links_between_pages_lead_somewhere() -> None:
    for file in written():
        if file.suffix == ".md":
            for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", file.read_text(encoding="utf-8")):
                assert (file.parent / target).exists(), f"{name(file)}: {target}"


def test_changes_are_written_down() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    version = setup["metadata"]["version"]
    sections = re.findall(r"^## \[?([^\]\s]+)", page("CHANGELOG.md"), re.MULTILINE)
    assert "Unreleased" in sections or version in sections


def test_the_demonstration_is_a_good_configuration() -> None:
    assert load(ROOT / "config" / "demo.toml", {}).warnings == ()


def test_the_production_example_is_a_good_configuration(tmp_path: Path) -> None:
    (tmp_path / "acme-password").write_text("secret\n", encoding="utf-8")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    config = load(ROOT / "config" / "production.toml", environ)
    assert config.warnings == ()
    assert config.state_dir == Path("/var/lib/gateway")
    assert config.carriers[0].password.get_secret_value() == "secret"


def test_the_smallest_configuration_of_the_page_is_a_good_one(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", page("docs/configuration.md"), re.DOTALL)
    assert example is not None
    file = tmp_path / "gateway.toml"
    file.write_text(example[1], encoding="utf-8")
    (tmp_path / "acme-password").write_text("secret", encoding="utf-8")
    assert load(file, {}).warnings == ()


def test_the_example_of_a_carrier_over_tls_is_a_good_one(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", page("docs/configuration.md"), re.DOTALL)
    (example,) = [one for one in examples if "[carrier.statuses]" in one]
    certificates = ROOT / "tests" / "carriers" / "certificates"
    for name_, file in (("acme-ca", "ca"), ("our-certificate", "gateway"), ("our-key", "gateway")):
        example = example.replace(f"/etc/gateway/{name_}.pem", str(certificates / f"{file}.pem"))
    (tmp_path / "acme-password").write_text("secret", encoding="utf-8")
    config = tmp_path / "gateway.toml"
    config.write_text(f'{example}\n[[line]]\naddress = "85700"\ncarriers = ["acme"]\n', encoding="utf-8")
    (carrier,) = load(config, {}).carriers
    assert carrier.tls
    assert carrier.statuses == {"0x45": "opted_out", "0x401": "retry", "1026": "throttle"}


def test_what_changes_without_a_new_bind_is_named() -> None:
    sentence = page("docs/configuration.md").partition("bound anew, unless only")[2].partition("drop nothing")[0]
    assert set(re.findall(r"`(\w+)`", sentence)) == LIVE


def test_the_example_of_a_session_is_as_binds_make_it() -> None:
    """Node, starts, bind, counter: ``tests/carriers/test_bind.py`` holds the form for gw1's seventh start."""
    assert "| `gw1-7-acme/0-3` |" in page("docs/carriers.md")
    made = (ROOT / "tests" / "carriers" / "test_bind.py").read_text(encoding="utf-8")
    assert 'rig.bind.session == "gw1-7-acme/0-1"' in made


def test_the_service_unit() -> None:
    unit = page("systemd/gateway.service")
    for setting in ("Type=notify", "WatchdogSec=", "ExecReload=", "LoadCredential=", "StateDirectory=gateway"):
        assert f"\n{setting}" in unit
    assert "\nProcSubset=" not in unit, "it hides /proc/sys/kernel/random/boot_id, which the store notes"
    analyze = shutil.which("systemd-analyze")
    assert analyze is not None, "systemd-analyze is missing; `make test` installs it"
    unit_file = str(ROOT / "systemd" / "gateway.service")
    command = [analyze, "security", "--offline=true", "--threshold=15", "--no-pager", unit_file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"exposed above 1.5:\n{done.stdout}{done.stderr}"
