"""Makes a folder from which a machine without any index installs greenlane: `./go package`.

In it: the wheel and the sdist, every dependency as a wheel for the board's processor and its Pythons, SHA256SUMS, a
CycloneDX list of all of it (sbom.cdx.json) and INSTALL.txt, which also says what comes from apt.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.13")
EXTRAS = {"3.11": "signing,service,pi"}
"""Debian 12, whose Python is 3.11, has no python3-lgpio; for 3.13 there is no wheel of lgpio, but Debian 13 has it."""
GLIBC = (17, 24, 26, 27, 28, 31, 34, 35, 36)
"""Debian 12 and Raspberry Pi OS of the same year have glibc 2.36, the oldest that is served."""

INSTALL = """greenlane {version} for {machine}, Python {pythons}

1. From apt, because these hang on the board's kernel and camera stack (python3-lgpio: not on Debian 12, see 3;
   python3-picamera2: Raspberry Pi OS only, for its own camera):

       sudo apt install python3-venv libgl1 libglib2.0-0
       sudo apt install python3-lgpio
       sudo apt install python3-picamera2

2. Whether the folder arrived whole:

       sha256sum --check --quiet SHA256SUMS

3. Without any index, into a virtual environment that sees apt's packages; a lane unit needs `signing`, a balance
   service or a station's central control `service`, a lane unit on Debian 12 `signing,pi`:

       sudo python3 -m venv --system-site-packages /opt/greenlane
       sudo /opt/greenlane/bin/pip install --no-index --find-links wheels 'greenlane[signing]'
       sudo ln -s /opt/greenlane/bin/greenlane /usr/local/bin/greenlane

4. sudo greenlane install, or sudo greenlane install service, or sudo greenlane install station; `uninstall` takes it
   away again

An update, and the way back to an older release, in the folder of that release:

       sha256sum --check --quiet SHA256SUMS
       sudo /opt/greenlane/bin/pip install --no-index --find-links wheels 'greenlane[signing]'
       sudo /opt/greenlane/bin/pip install --no-index --force-reinstall --no-deps wheels/greenlane-*.whl
       sudo greenlane install

sbom.cdx.json lists every wheel with its version, licence and checksum (CycloneDX 1.5).
"""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./go package", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="default: build/greenlane-VERSION-MACHINE")
    parser.add_argument("--machine", default="aarch64", choices=("aarch64", "x86_64"), help="default: %(default)s")
    parser.add_argument(
        "--python", nargs="+", type=_python, default=PYTHONS, metavar="X.Y", help="default: 3.11 and 3.13"
    )
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            wheel, sdist = build(Path(scratch))
            version = metadata(wheel)["Version"]
            folder = args.folder or ROOT / "build" / f"greenlane-{version}-{args.machine}"
            if folder.exists() and any(folder.iterdir()):
                print(f"./go package: {folder} is not empty; move it away or name another folder", file=sys.stderr)
                return 1
            made = Path(scratch) / "folder"
            fill(made, wheel, sdist, args.machine, args.python)
        except subprocess.CalledProcessError as error:
            print(f"./go package: {Path(error.cmd[0]).name} failed, see above; nothing was made", file=sys.stderr)
            return 1
        shutil.copytree(made, folder, dirs_exist_ok=True)
    print(f"{folder}: {len(list((folder / 'wheels').iterdir()))} wheels, see INSTALL.txt there")
    return 0


def _python(text: str) -> str:
    """Raises argparse.ArgumentTypeError for what is not a version such as 3.11: the folder, named last."""
    if not re.fullmatch(r"3\.\d+", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a version of Python such as 3.11; name the folder first")
    return text


def fill(folder: Path, wheel: Path, sdist: Path, machine: str, pythons: Sequence[str]) -> None:
    """Make the folder with everything in it. Raises CalledProcessError."""
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    shutil.copy(sdist, folder)
    own = Path(shutil.copy(wheel, wheels))
    for python in pythons:
        download(own, wheels, machine, python)
    version = metadata(wheel)["Version"]
    words = {"version": version, "machine": machine, "pythons": " and ".join(pythons)}
    (folder / "INSTALL.txt").write_text(INSTALL.format(**words), encoding="utf-8")
    (folder / "sbom.cdx.json").write_text(json.dumps(bill(wheels, version), indent=1) + "\n", encoding="utf-8")
    (folder / "SHA256SUMS").write_text("".join(sums(folder)), encoding="utf-8")


def build(scratch: Path, *options: str) -> tuple[Path, Path]:
    """Wheel and sdist of the tracked files, built beside the tree. Raises CalledProcessError."""
    tree, made = scratch / "tree", scratch / "dist"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    subprocess.run([sys.executable, "-m", "build", "--outdir", made, *options, tree], check=True, stdout=sys.stderr)
    return next(made.glob("*.whl")), next(made.glob("*.tar.gz"))


def download(wheel: Path, wheels: Path, machine: str, python: str) -> None:
    """Every dependency of the wheel for that Python, in the versions that greenlane was tested with."""
    short = python.replace(".", "")
    platforms = [f"manylinux2014_{machine}", *(f"manylinux_2_{minor}_{machine}" for minor in GLIBC)]
    abis = [f"cp{short}", "abi3", "none"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", wheels]
    command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", short]
    command += [word for platform in platforms for word in ("--platform", platform)]
    command += [word for abi in abis for word in ("--abi", abi)]
    command += ["--constraint", ROOT / "deploy/constraints.txt", f"{wheel}[{extras(python)}]"]
    subprocess.run(command, check=True)


def extras(python: str) -> str:
    """What is downloaded for that Python."""
    return EXTRAS.get(python, "signing,service")


def bill(wheels: Path, version: str) -> dict[str, object]:
    """What is in the folder, as CycloneDX 1.5."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "greenlane", "version": version}},
        "components": [component(path) for path in sorted(wheels.glob("*.whl"))],
    }


def component(path: Path) -> dict[str, object]:
    facts = metadata(path)
    name, version = facts["Name"], facts["Version"]
    licence = facts["License-Expression"] or facts["License"] or _classified(facts)
    found: dict[str, object] = {
        "type": "library",
        "bom-ref": path.name,
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}?file_name={path.name}",
        "hashes": [{"alg": "SHA-256", "content": digest(path)}],
    }
    if licence:
        found["licenses"] = [{"license": {"name": licence.splitlines()[0][:100]}}]
    return found


def metadata(wheel: Path) -> Message:
    """The METADATA of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode("utf-8"))


def _classified(facts: Message) -> str:
    found = (c for c in facts.get_all("Classifier", []) if c.startswith("License ::"))
    return next((c.rpartition(" :: ")[2] for c in found), "")


def sums(folder: Path) -> Iterator[str]:
    """Lines as sha256sum writes and checks them."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "SHA256SUMS"):
        yield f"{digest(path)}  {path.relative_to(folder)}\n"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    raise SystemExit(main())
