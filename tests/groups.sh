# Every group of tests one after another; sourced by ./go, which gives apt_install, base_python, say and $python.
. tests/in_memory.sh
. tests/prepare.sh
apt_install postgresql ffmpeg chromium chromium-driver gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good \
    gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly python3-gi nftables iproute2 systemd openssl \
    qemu-system-x86 debootstrap e2fsprogs kmod cpio make gcc xz-utils linux-headers-amd64
begin_preparation

say "lint and types"
"$python" -m ruff check .
"$python" -m ruff format --check --quiet .
"$python" -m mypy

export HYPOTHESIS_PROFILE="${HYPOTHESIS_PROFILE:-greenlane}"
say "all tests but those that need a world of their own, by as many processes as there are processors"
in_memory "$python" -m pytest -m "not (kernel or easyocr or browser or faults)" --numprocesses "$(nproc)" --dist worksteal --durations=15 \
    -o tmp_path_retention_policy=failed

await_preparation

say "browsers, killed processes and cut networks, one file beside another"
"$python" -m pytest -m "(browser or faults) and not (kernel or easyocr)" --numprocesses 2 --dist loadfile --durations=15

say "the reader's networks where there is torch"
.venv-easyocr/bin/python -m pytest -m easyocr tests/models/test_easyocr.py tests/models/test_easyocr_own_models.py

say "a short run of every training recipe"
.venv-easyocr/bin/python -m pytest -m "not easyocr" tests/models/test_detector_recipe.py tests/models/training

say "the metal in a guest with simulated devices"
"$python" -m pytest -m kernel tests/kernel
