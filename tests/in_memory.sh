# Runs tests with their temporary files in memory; sourced by tests/groups.sh from ./go, which gives say. Books wait for the disk at each
# commit. That takes longer than what they do in between, and shows nothing where no power is cut.

in_memory() {  # a command, its temporary files on a tmpfs that only it sees and that ends with it; on the disk where there can be none
    local folder status=0
    folder=$(mktemp -d)
    if memory_is_free && unshare --mount mount -t tmpfs tests "$folder" 2>/dev/null; then
        TMPDIR=$folder unshare --mount sh -c 'mount -t tmpfs -o mode=755 tests "$TMPDIR" && exec "$@"' sh "$@" || status=$?
    else
        say "temporary files are on the disk, which is slower: memory takes root, and 4 GB of it free"
        "$@" || status=$?
    fi
    rmdir "$folder"
    return "$status"
}

memory_is_free() {
    awk '$1 == "MemAvailable:" {free_kb = $2} END {exit free_kb < 4000000}' /proc/meminfo
}
