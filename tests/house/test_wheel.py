"""What `pip install .` gives: every file of the package, and a program that starts from it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.files import ROOT

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
BUILT_FROM = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")


def done(*command: str, cwd: Path, path: str = "") -> str:
    """Run a command to its end, where nothing of the repository can be imported by accident; return what it said."""
    environ = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": ""}
    ended = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: a build leaves files beside its sources."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "gateway", folder / "gateway")
    done(*PIP, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", "made", ".", cwd=folder)
    (made,) = (folder / "made").glob("*.whl")
    return made


def test_every_file_of_the_package_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = [file for file in (ROOT / "gateway").rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert packed == {file.relative_to(ROOT).as_posix() for file in files}


def test_what_was_installed_starts(wheel: Path, tmp_path: Path) -> None:
    """Nothing but its dependencies comes from elsewhere."""
    installed = tmp_path / "installed"
    done(*PIP, "install", "--no-deps", "--no-index", "--target", str(installed), str(wheel), cwd=tmp_path)
    gateway = (str(installed / "bin" / "gateway"),)
    where = done(sys.executable, "-c", "import gateway; print(gateway.__file__)", cwd=tmp_path, path=str(installed))
    assert where.strip() == str(installed / "gateway" / "__init__.py")
    assert done(*gateway, "--version", cwd=tmp_path, path=str(installed)).startswith("gateway ")
    shutil.copy(ROOT / "config" / "demo.toml", tmp_path)
    assert "good" in done(*gateway, "check", "-c", "demo.toml", cwd=tmp_path, path=str(installed))
    page = "import gateway.web.pages, gateway.sms.national, gateway.daemon.demo"
    done(sys.executable, "-c", page, cwd=tmp_path, path=str(installed))
