# What the scripts that look whether something holds share: a working folder, a row for each thing that holds, and an end. Sourced; whoever sources it
# has said `set -euo pipefail`, and may set `keep`.
#
# begin_rows NAME WIDTH  makes the folder $work; at the end, put_back and remove_work are called and the rows are shown, this wide
# row WHAT RESULT        says how something came out
# fail WHAT WHY          ends everything
# put_back               to be defined again by whoever starts something that has to be stopped
# remove_work            to be defined again by whoever cannot remove the folder so simply; not called when a check failed and $keep is set

begin_rows() {
    width=$2
    work=$(mktemp -d "${TMPDIR:-/tmp}/$1.XXXXXX")
    chmod 755 "$work"
    touch "$work/rows"
    trap finish EXIT
    trap 'exit 143' TERM
    trap 'exit 130' INT
    trap 'exit 129' HUP
}

finish() {
    local status=$?
    trap '' TERM INT HUP
    trap - EXIT
    put_back
    printf "\n%-${width}s %s\n" check result
    cat "$work/rows"
    if [ $status -ne 0 ] && [ -n "${keep:-}" ]; then
        echo "$(basename "$0"): FAILED; what there was is in $work" >&2
    else
        remove_work
        [ $status -eq 0 ] || echo "$(basename "$0"): FAILED" >&2
    fi
    exit $status
}

row() { printf "%-${width}s %s\n" "$1" "$2" | tee -a "$work/rows"; }
fail() { row "$1" "FAILED: $2"; exit 1; }
put_back() { :; }
remove_work() { rm -rf "$work"; }
