# Every group of tests one after another; sourced by ./go, which gives apt_install, say and $python.
apt_install postgresql ffmpeg chromium chromium-driver gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good \
    gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly python3-gi nftables iproute2 systemd openssl

say "lint and types"
"$python" -m ruff check .
"$python" -m ruff format --check --quiet .
"$python" -m mypy

export HYPOTHESIS_PROFILE="${HYPOTHESIS_PROFILE:-greenlane}"
say "all tests but those that need a world of their own, by as many processes as there are processors"
"$python" -m pytest -m "not (kernel or easyocr or browser or faults)" --numprocesses "$(nproc)" --dist worksteal --durations=15

say "browsers, killed processes and cut networks, one after another"
"$python" -m pytest -m "(browser or faults) and not (kernel or easyocr)" --durations=15

say "the reader's networks where there is torch"
. tests/easyocr.sh

say "the metal in a guest with simulated devices"
apt_install qemu-system-x86 debootstrap e2fsprogs kmod cpio make gcc xz-utils linux-headers-amd64
"$python" -m pytest -m kernel tests/kernel
