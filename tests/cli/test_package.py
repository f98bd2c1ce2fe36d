"""The wheel: it holds all that the program reads, and a machine without any index runs it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("wire", "controller", "models", "hardware", "service", "station", "greenlane")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def package() -> ModuleType:
    """deploy/package.py, which is a program and no part of greenlane."""
    spec = importlib.util.spec_from_file_location("package", ROOT / "deploy/package.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def wheel(package: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist, as `./go package` does, with this environment's own setuptools: no index is asked."""
    made: tuple[Path, Path] = package.build(tmp_path_factory.mktemp("built"), "--no-isolation")
    return made[0]


def test_every_tracked_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z", *PACKAGES], cwd=ROOT, capture_output=True, check=True)
    tracked = {name for name in listed.stdout.decode().split("\0") if name}
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    assert tracked - packed == set()
    assert not [name for name in packed if name.startswith(("tests/", "deploy/"))]


def test_installed_without_an_index_it_plays_the_bundled_clip(wheel: Path, tmp_path: Path) -> None:
    """The libraries are lent by this environment: a path file makes them seen, but not its own greenlane."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    site = venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip = [str(venv / "bin/python"), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", "--force-reinstall", str(wheel)], check=True)
    there = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    where = subprocess.run(
        [str(venv / "bin/python"), "-c", "import greenlane, service; print(greenlane.__file__, service.__file__)"],
        cwd=tmp_path,
        env=there,
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(path.startswith(str(site)) for path in where.stdout.split())
    done = subprocess.run(
        [str(venv / "bin/greenlane"), "simulate", "--json", "--report", "report"],
        cwd=tmp_path,
        env=there,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    visits = json.loads(done.stdout)["visits"]
    assert [visit["decision"] for visit in visits].count("allow") >= 2
    assert (tmp_path / "report/index.html").is_file()


def test_the_pin_library_is_carried_where_apt_has_none(package: ModuleType) -> None:
    assert package.extras("3.11") == "signing,service,pi"
    assert package.extras("3.13") == "signing,service"


def test_without_the_recipes_everything_runs_but_the_comparison(wheel: Path, tmp_path: Path) -> None:
    """models/training may be left out of an installation: no command of a lane, a service or a station needs it."""
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site, [name for name in archive.namelist() if not name.startswith("models/training/")])
    there = os.environ | {"PYTHONPATH": str(site)}

    def greenlane(*words: str) -> subprocess.CompletedProcess[str]:
        # An editable install would find the checkout's own recipes: None in their place says that there are none.
        program = "import sys, models; assert models.__file__.startswith(sys.argv.pop(1)); "
        program += "sys.modules['models.training'] = None; from greenlane.cli import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", program, str(site), *words],
            cwd=tmp_path,
            env=there,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    shown = greenlane("doctor")
    assert "Traceback" not in shown.stderr
    assert "OK    weights" in shown.stdout
    played = greenlane("simulate", "--json")
    assert played.returncode == 0, played.stderr
    assert json.loads(played.stdout)["visits"]
    compared = greenlane("bench", "peers")
    assert compared.returncode == 1
    assert "models/training, which this installation left out" in compared.stderr
    assert "Traceback" not in compared.stderr


def test_the_folder_says_what_is_in_it(package: ModuleType, wheel: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    own = wheels / wheel.name
    own.write_bytes(wheel.read_bytes())
    bill = package.bill(wheels, "0.1.0")
    (part,) = bill["components"]
    assert (part["name"], part["licenses"]) == ("greenlane", [{"license": {"name": "Apache-2.0"}}])
    (tmp_path / "SHA256SUMS").write_text("".join(package.sums(tmp_path)), encoding="utf-8")
    check = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode == 0
    own.write_bytes(own.read_bytes()[:-1])
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode != 0


def test_a_folder_behind_the_versions_is_named_not_downloaded_for(
    package: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        package.main(["--python", "3.11", "out"])
    assert "'out' is not a version of Python" in capsys.readouterr().err


def test_a_failed_download_leaves_no_folder_in_the_way_of_the_next_try(
    package: ModuleType,
    wheel: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise subprocess.CalledProcessError(1, ["pip"])

    monkeypatch.setattr(package, "build", lambda scratch: (wheel, wheel))
    monkeypatch.setattr(package, "download", fail)
    assert package.main([str(tmp_path / "out")]) == 1
    assert "nothing was made" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_its_page_installs_updates_and_goes_back_with_the_same_lines_as_the_handbook(package: ModuleType) -> None:
    lines = [line.partition("  #")[0].strip() for line in package.INSTALL.splitlines() if line.startswith("       ")]
    for page in ("docs/technician.md", "docs/zh/technician.md"):
        handbook = {line.partition("  #")[0].strip() for line in (ROOT / page).read_text(encoding="utf-8").splitlines()}
        assert [line for line in lines if line not in handbook] == []
