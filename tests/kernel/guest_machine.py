"""Boots the Linux guest with this checkout shared into it, and brings back what its checks said."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD_SCRIPT = Path(__file__).with_name("build_guest.sh")
BOOT_TIMEOUT_S = 1800
BOOTS = 6
NO_TIMER = "timer doesn't work"
"""The kernel's last words where the host let the emulator stand still while it tried its timer, before any check."""
TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "debootstrap": "debootstrap",
    "mke2fs": "e2fsprogs",
    "depmod": "kmod",
    "cpio": "cpio",
    "make": "make",
    "gcc": "gcc",
    "xz": "xz-utils",
}
"""What building and booting need, and the Debian package of each; and linux-headers-amd64."""

RESULT = re.compile(r"^\S*check_(\w+)\.py::(\S+) (PASSED|FAILED|ERROR|SKIPPED)", re.MULTILINE)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class GuestRun:
    """results: outcome by the check's name; said: everything that the checks printed; console: the kernel's."""

    results: dict[str, str]
    said: str
    console: str

    def section(self, check: str) -> str:
        """What is told about one failed check."""
        name = check.partition("[")[0]
        found = re.search(rf"^_+ {re.escape(name)}.*?(?=^_+ test_|^=+ )", self.said, re.MULTILINE | re.DOTALL)
        return found.group(0) if found else self.said[-4000:] or self.console[-4000:]


def missing() -> str:
    """Why no guest can be had here, or nothing."""
    packages = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if not list(Path("/usr/src").glob("linux-headers-*-amd64")):
        packages.append("linux-headers-amd64")
    if packages:
        return f"no guest: apt-get install {' '.join(packages)}"
    if os.geteuid() != 0 and not _complete(guest_folder()):
        return "no guest: building it needs root once"
    return ""


def guest_folder() -> Path:
    """Where the guest is kept between runs: GREENLANE_GUEST, else build/guest of the checkout."""
    return Path(os.environ.get("GREENLANE_GUEST", REPOSITORY / "build" / "guest"))


def build() -> Path:
    """The guest's folder, where the guest is built unless it is there (5 to 8 minutes)."""
    folder = guest_folder()
    if not _complete(folder):
        environment = {**os.environ, "PYTHON": sys.executable}
        subprocess.run(["sh", str(BUILD_SCRIPT), str(folder)], check=True, env=environment)
    return folder


def run_guest(logs: Path) -> GuestRun:
    """Build the guest where it is not built yet, boot it and run every check (3 to 6 minutes)."""
    folder = build()
    said, console = logs / "said.log", logs / "console.log"
    for _ in range(BOOTS):
        subprocess.run(_command(folder, said, console), check=True, timeout=BOOT_TIMEOUT_S, stdout=subprocess.DEVNULL)
        if NO_TIMER not in console.read_text(errors="replace"):
            break
    text = COLOURS.sub("", said.read_text(errors="replace")).replace("\r", "")
    results = {match[2]: match[3] for match in RESULT.finditer(text)}
    return GuestRun(results, text, console.read_text(errors="replace"))


def main() -> int:
    """Builds the guest, or says why none can be had here."""
    print(missing() or build())
    return 0


def _complete(folder: Path) -> bool:
    return all((folder / part).exists() for part in ("vmlinuz", "initrd.gz", "root.ext4"))


def _command(folder: Path, said: Path, console: Path) -> list[str]:
    """Software emulation, since KVM is rarely to be had; snapshot=on leaves the image as it is.

    One processor: of two, the one that serves gpio-sim's interrupts can stand still while the other makes more edges,
    and they merge. Neither tsc=reliable nor no_timer_check: with them the guest's clock ran double.
    """
    return [
        *("qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "1024"),
        *("-nographic", "-no-reboot", "-monitor", "none", "-net", "none"),
        *("-kernel", str(folder / "vmlinuz"), "-initrd", str(folder / "initrd.gz")),
        *("-append", "console=ttyS0 root=/dev/vda rw systemd.wants=guest.service panic=-1"),
        *("-drive", f"file={folder / 'root.ext4'},format=raw,if=virtio,snapshot=on"),
        *("-virtfs", f"local,path={REPOSITORY},mount_tag=project,security_model=none,readonly=on"),
        *("-serial", f"file:{console}", "-serial", f"file:{said}"),
    ]


if __name__ == "__main__":
    sys.exit(main())
