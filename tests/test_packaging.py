"""The wheel as users get it: built here, installed beside this environment's packages, tried from another folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of a copy of the checkout, so that the build leaves nothing in it."""
    folder = tmp_path_factory.mktemp("build")
    copy = folder / "checkout"
    copy.mkdir()
    for name in ("engine", "spk_tui", "presets"):
        shutil.copytree(CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, copy / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(copy)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("spk_tui-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of another environment that has the wheel; the dependencies are borrowed from this one."""
    home = tmp_path_factory.mktemp("elsewhere") / "environment"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    packages = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, str(wheel)], check=True)
    # Behind its own packages, and without reading .pth files there: an editable install of ours stays out of sight.
    (Path(packages) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin"


def run(program: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The installed program in another folder, without a word from this process's environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SPK_TUI"))}
    environment["SPK_TUI_CONFIG"] = str(folder / "config")
    return subprocess.run(
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip


def test_the_wheel_contains_every_preset_and_the_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    presets = {path.name for path in (CHECKOUT / "presets").glob("*.toml")}
    assert {"transformer-154k.toml", "conformer-225k.toml", "quick-tour.toml"} <= presets
    assert {f"engine/presets/{name}" for name in presets} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_contains_every_module_and_style_sheet_and_no_test(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for package in ("engine", "spk_tui"):
        for path in (CHECKOUT / package).rglob("*"):
            if path.suffix in (".py", ".tcss", ".toml"):
                assert path.relative_to(CHECKOUT).as_posix() in names
    assert not any(name.startswith("tests/") for name in names)


def test_the_installed_program_finds_the_presets_of_its_wheel_from_any_folder(installed: Path, tmp_path: Path) -> None:
    ended = run(installed / "spk-tui", "presets", "--json", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    found = {preset["name"]: Path(preset["path"]) for preset in json.loads(ended.stdout)}
    assert {"transformer-154k", "conformer-225k", "quick-tour"} <= set(found)
    assert all(path.is_relative_to(installed.parent) for path in found.values())


def test_the_installed_program_counts_a_budget_in_a_process_of_its_own(installed: Path, tmp_path: Path) -> None:
    ended = run(installed / "spk-tui", "budget", "conformer-225k", "--json", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["parts"]["encoder"] == 225_720


def test_the_installed_program_knows_its_version(installed: Path, tmp_path: Path) -> None:
    stated = re.search(r'^version = "(.+)"$', (CHECKOUT / "pyproject.toml").read_text(), re.MULTILINE)
    assert stated is not None
    assert run(installed / "spk-tui", "--version", folder=tmp_path).stdout.strip() == stated[1]


def test_the_constraints_are_exact_versions_without_places() -> None:
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    stated = [line for line in lines if line and not line.startswith("#")]
    assert len(stated) > 60
    for line in stated:
        assert re.fullmatch(r'[a-z0-9-]+==[0-9][0-9a-z.]*(; python_version (<|>=) "3\.\d+")?', line), line
