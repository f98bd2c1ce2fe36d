#!/usr/bin/env bash
# Sets greenlane up in .venv and runs one thing:
#   ./go demo            play the bundled clip through the whole system and write report/index.html
#   ./go demo --live     a live system to try in a browser, until Ctrl-C: every page, a pump and a phone
#   ./go test [all]      run the tests; all adds the slow, browser, database, fault and kernel groups
#   ./go outages         as root: a station on three hosts whose lines fail; a table of what each lamp did
#   ./go check           types, lint and format
#   ./go package         a folder from which a board installs greenlane without any index
set -euo pipefail
cd "$(dirname "$0")"
python=.venv/bin/python

say() { printf '== %s\n' "$*" >&2; }

is_there() {  # whether what a Debian package brings is on this machine already, whoever put it there
    case $1 in
    libgl1) has_library libGL.so.1 ;;
    libglib2.0-0) has_library libgthread-2.0.so.0 ;;
    nftables) command -v nft >/dev/null ;;
    iproute2) command -v ip >/dev/null ;;
    *) dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
    esac
}

has_library() {
    local base
    base=$(command -v python3 || command -v python) || return 1
    "$base" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1" 2>/dev/null
}

apt_install() {  # the Debian packages named, where what they bring is missing; asked for where there is no apt
    local missing=()
    for package in "$@"; do
        is_there "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    if ! command -v apt-get >/dev/null; then
        say "please install what Debian calls: ${missing[*]}"
        exit 1
    fi
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { say "please install: ${missing[*]}"; exit 1; }
        root=(sudo)
    fi
    say "installing Debian packages: ${missing[*]}"
    "${root[@]}" apt-get update -qq
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

base_python() {  # a Python 3.11 or newer that can make virtual environments
    for candidate in python3 python3.11 python3.12 python3.13; do
        if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    apt_install python3 >&2
    echo python3
}

workers() {  # processes for the default tests: two for a processor, as they wait a third of their time, up to eight; then one
    local processors
    processors=$(nproc)
    echo $((processors >= 8 ? processors : processors >= 4 ? 8 : 2 * processors))
}

setup() {  # setup EXTRAS: the virtual environment with greenlane and these extras, once per change of setup.cfg
    apt_install libgl1 libglib2.0-0
    if [ ! -x "$python" ] || ! "$python" -m pip --version >/dev/null 2>&1; then
        local base
        base=$(base_python)
        "$base" -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
        say "making .venv"
        "$base" -m venv --clear .venv
    fi
    local stamp wanted
    stamp=.venv/installed-$1
    wanted=$(cat setup.cfg pyproject.toml deploy/constraints.txt | sha256sum)
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        say "installing greenlane[$1]"
        "$python" -m pip install --quiet --disable-pip-version-check -c deploy/constraints.txt -e ".[$1]"
        echo "$wanted" >"$stamp"
    fi
}

case "${1:-}" in
demo)
    setup service
    case " ${*:2} " in
    *" --live "*) exec .venv/bin/greenlane demo "${@:2}" ;;
    *" --help "* | *" -h "*) exec .venv/bin/greenlane demo --help ;;
    esac
    .venv/bin/greenlane simulate --report report "${@:2}"
    say "open report/index.html in a browser"
    ;;
test)
    if [ "${2:-}" = all ]; then
        setup service,onnx,dev,browser
        . tests/groups.sh
    else
        setup service,onnx,dev
        if [ $# -gt 1 ]; then
            "$python" -m pytest "${@:2}"
        else
            "$python" -m pytest --numprocesses "$(workers)" --dist worksteal
        fi
    fi
    ;;
outages | street)  # street: what it was called before
    [ "$(id -u)" -ne 0 ] || apt_install nftables iproute2
    setup service
    "$python" -m tests.faults.three_hosts "${@:2}"
    ;;
package)
    setup package
    "$python" deploy/package.py "${@:2}"
    ;;
check)
    setup service,onnx,dev
    "$python" -m ruff check .
    "$python" -m ruff format --check --quiet .
    "$python" -m mypy
    ;;
*)
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
