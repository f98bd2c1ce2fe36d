# What the last groups of tests need takes minutes to make, so it is made while the first ones run. Sourced by
# tests/groups.sh from ./go, which gives say, base_python and $python.

prepare() {
    renice -n 10 -p "$BASHPID" >/dev/null
    . tests/easyocr.sh
    say "building the guest of the kernel tests, where there is none"
    "$python" -m tests.kernel.guest_machine
}

begin_preparation() {  # in a process group of its own, so that it ends as a whole with this script, however that ends
    preparation_log=$(mktemp)
    trap end_preparation EXIT
    set -m
    prepare >"$preparation_log" 2>&1 </dev/null &
    set +m
    preparation=$!
}

await_preparation() {  # ends the run, with all that was said, where the preparation failed
    say "waiting until .venv-easyocr and the guest are made"
    if ! wait "$preparation"; then
        cat "$preparation_log" >&2
        say "the preparation of later groups failed, see above"
        exit 1
    fi
    trap - EXIT
    rm -f "$preparation_log"
}

end_preparation() {
    { kill -- "-$preparation" && wait "$preparation"; } 2>/dev/null || true
    rm -f "$preparation_log"
}
