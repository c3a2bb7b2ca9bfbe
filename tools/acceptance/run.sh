#!/usr/bin/env bash
# Runs the example programs on real and hostile trees and compares what comes back. See README.md.
# Stops at the first deviation, says how to see it again, and exits with status 1.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)

usage() {
    cat >&2 <<'USAGE'
usage: run.sh [--full] [--keep] [--programs DIR] [CHECK…]

  --full   also the Linux source tree, a 20 GB file and a directory of a million files; needs 30 GB and the network
           (LINUX_SOURCE=DIR names a source tree that is already there)
  --keep   leave the working folder behind when a check fails
  --programs DIR   take the programs from there and build nothing

Checks: share hostile unchanged dirtied user memory attributes linux. Without names, all of them; the last two only with --full.
USAGE
    exit 2
}

full=
keep=
programs=
checks=()
while [ $# -gt 0 ]; do
    case $1 in
        --full) full=1 ;;
        --keep) keep=1 ;;
        --programs) [ $# -gt 1 ] || usage; programs=$2; shift ;;
        share | hostile | unchanged | dirtied | user | memory | attributes | linux) checks+=("$1") ;;
        *) usage ;;
    esac
    shift
done
if [ ${#checks[@]} -eq 0 ]; then
    checks=(share hostile unchanged dirtied user memory)
    [ -z "$full" ] || checks+=(attributes linux)
fi

[ "$(id -u)" -eq 0 ] || { echo "acceptance: needs root: most of what is compared only root can make" >&2; exit 1; }
for tool in rsync strace setpriv python3 cargo; do
    command -v "$tool" >/dev/null || { echo "acceptance: $tool is missing" >&2; exit 1; }
done
[ -x /usr/bin/time ] || { echo "acceptance: /usr/bin/time is missing (package time)" >&2; exit 1; }

# shellcheck source=tools/rows.sh
source "$here/../rows.sh"
begin_rows strongroom-acceptance 42
put_back() { ! mountpoint -q "$work/mount" || umount "$work/mount"; }
remove_work() { "$here/hostile-tree.sh" --remove "$work"; }

export STRONGROOM_PASSWORD='acceptance tests only'
bin=$work/bin
build() {
    local program
    if [ -z "$programs" ]; then
        (cd "$top" && cargo build --release --locked -q -p strongroom-examples --bins)
        programs=$(cd "$top" && cargo metadata --format-version 1 --no-deps --locked |
            python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/release
    fi
    mkdir "$bin"
    for program in quickstart sr-init sr-backup sr-restore sr-snapshots; do
        cp "$programs/$program" "$bin/"
    done
}

# expect STATUS NAME COMMAND…: runs it, keeps its output in $work/out and $work/err, and fails when it ends otherwise.
expect() {
    local wanted=$1 name=$2 status=0
    shift 2
    "$@" >"$work/out" 2>"$work/err" || status=$?
    [ "$status" -eq "$wanted" ] && return
    echo "\$ $*" >&2
    tail -n 20 "$work/out" "$work/err" | cut -c 1-500 >&2
    fail "$name" "exit status $status instead of $wanted"
}

# measured NAME COMMAND…: as expect 0, and peak memory and time become $peak (KiB) and $took (seconds).
measured() {
    local name=$1
    shift
    expect 0 "$name" /usr/bin/time -o "$work/time" -f '%M %e' "$@"
    read -r peak took <"$work/time"
}

same() {
    local name=$1
    shift
    "$here/compare.sh" "$@" >"$work/out" 2>"$work/err" || { cut -c 1-500 "$work/out" "$work/err" >&2; fail "$name" "compare.sh found differences"; }
}

objects() { (cd "$1" && find . -type f | sort); }
pristine() { "$here/hostile-tree.sh" --remove "$1"; }

# shellcheck source=tools/acceptance/checks.sh
source "$here/checks.sh"

build
for check in "${checks[@]}"; do
    echo "== $check"
    "check_$check"
done
