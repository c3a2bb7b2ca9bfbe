#!/usr/bin/env bash
# Runs the example programs against real servers that it starts and stops. See README.md.
# Stops at the first thing that does not hold, says how to see it again, and exits with status 1.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
servers=(ceph moto azurite sftp webdav-apache webdav-nginx gcs swift)

usage() {
    cat >&2 <<USAGE
usage: run.sh [--tools DIR] [--programs DIR] [--running DIR] [--keep] [--no-laws] [--fleet-minutes N] [SERVER…]

  --tools DIR      the folder that install.sh filled; default: a new one is filled, and removed
  --programs DIR   take the programs from there and build nothing
  --running DIR    servers that run already, whose lines are in DIR/NAME.line
  --no-laws        leave out the laws in the adapters' own tests, which are built by cargo
  --keep           leave the working folder behind when a check fails
  --fleet-minutes N  how long the clients work on Ceph while one of its OSDs dies [0.7]

Servers: ${servers[*]}. Without names, all of them.
USAGE
    exit 2
}

programs=
running=
keep=
laws=1
fleet_minutes=0.7
export STRONGROOM_SERVERS=${STRONGROOM_SERVERS:-}
chosen=()
while [ $# -gt 0 ]; do
    case $1 in
        --tools) [ $# -gt 1 ] || usage; STRONGROOM_SERVERS=$2; shift ;;
        --programs) [ $# -gt 1 ] || usage; programs=$2; shift ;;
        --fleet-minutes) [ $# -gt 1 ] || usage; fleet_minutes=$2; shift ;;
        --running) [ $# -gt 1 ] || usage; running=$2; shift ;;
        --no-laws) laws= ;;
        --keep) keep=1 ;;
        *) [[ " ${servers[*]} " == *" $1 "* ]] || usage; chosen+=("$1") ;;
    esac
    shift
done
[ ${#chosen[@]} -gt 0 ] || chosen=("${servers[@]}")
[ "$(id -u)" -eq 0 ] || { echo 'run.sh: needs root: servers of the system are started' >&2; exit 1; }

# shellcheck source=tools/rows.sh
source "$here/../rows.sh"
begin_rows strongroom-stores 46
touch "$work/pids"
put_back() {
    local pid tries
    while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$work/pids"
    while read -r pid; do
        for tries in $(seq 300); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        ! kill -0 "$pid" 2>/dev/null || echo "run.sh: process $pid does not end" >&2
    done <"$work/pids"
}

# launch NAME COMMAND…: begins a server, whose line will be in $work/NAME.line.
launch() {
    local name=$1
    shift
    "$@" >"$work/$name.line" 2>"$work/$name.err" </dev/null &
    echo $! >>"$work/pids"
    echo $! >"$work/$name.pid"
}

# use NAME: waits until the server is ready, and makes its line variables of this shell, exported.
use() {
    local end=$((SECONDS + 300))
    until grep -q "='" "$work/$1.line"; do
        kill -0 "$(cat "$work/$1.pid")" 2>/dev/null || { cat "$work/$1.err" >&2; fail "$1" 'it did not start'; }
        [ $SECONDS -lt $end ] || fail "$1" 'not ready after 300 s'
        sleep 0.2
    done
    set -a
    eval "$(cat "$work/$1.line")"
    set +a
    server=$1
    export XDG_CACHE_HOME="$work/cache-$1"
}

# url PREFIX [TEMPLATE]: the URL of a folder of this run in the server's store. Where folders are not made by writing to them, it is made.
url() {
    local template=${2:-$STORE} folder=$1-$$
    case $template in
        sftp:*) mkdir -p "$DIR/store/$folder" ;;
        dav:*)
            curl -s -o /dev/null -X MKCOL --max-time 60 ${STRONGROOM_DAV_USER:+-u "$STRONGROOM_DAV_USER:$STRONGROOM_DAV_PASSWORD"} "$ENDPOINT/$folder/"
            ;;
    esac
    echo "${template/\{\}/$folder}"
}

# expect STATUS NAME COMMAND…: runs it, keeps its output in $work/out and $work/err, and fails when it ends otherwise.
expect() {
    local wanted=$1 name=$2 status=0
    shift 2
    timeout --kill-after=10 "${LIMIT:-240}" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
    [ "$status" -eq "$wanted" ] && return
    echo "\$ $*" >&2
    tail -n 30 "$work/out" "$work/err" | cut -c 1-600 >&2
    fail "$name" "exit status $status instead of $wanted"
}

# says NAME PHRASE…: what the last program wrote has these words.
says() {
    local name=$1 phrase
    shift
    for phrase in "$@"; do
        grep -qiF -- "$phrase" "$work/out" "$work/err" && continue
        tail -n 10 "$work/out" "$work/err" | cut -c 1-600 >&2
        fail "$name" "it does not say '$phrase'"
    done
}

build() {
    if [ -z "$programs" ]; then
        (cd "$top" && cargo build --release --locked -q -p strongroom-examples --bins)
        programs=$(cd "$top" && cargo metadata --format-version 1 --no-deps --locked |
            python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/release
    fi
    export PATH="$programs:$PATH"
    if [ -n "$laws" ]; then
        # As the command of the README builds them, so that nothing is built twice.
        (cd "$top" && cargo test --locked -q --workspace --no-run --message-format=json) | python3 -c '
import json, os, sys
for line in sys.stdin:
    found = json.loads(line)
    if found.get("executable") and found["target"]["name"] == "it":
        os.symlink(found["executable"], sys.argv[1] + "/tests-of-" + found["manifest_path"].split("/")[-2])
' "$work"
    fi
}

make_tree() {
    mkdir "$work/tree"
    cp -a "$top/crates" "$work/tree/sources"
    cp -a /usr/share/perl5 "$work/tree/perl" 2>/dev/null || cp -a /usr/share/doc "$work/tree/doc"
    head -c 24000000 /dev/urandom >"$work/tree/random"
    ln -s sources "$work/tree/link"
    cp -a "$work/tree" "$work/changed"
    head -c 1000000 /dev/urandom >"$work/changed/new"
    rm -rf "$work/changed/perl" "$work/changed/doc" "$work/changed/random"
}

# shellcheck source=tools/servers/checks.sh
source "$here/checks.sh"

export STRONGROOM_PASSWORD='tests of stores only'
if [ -z "$STRONGROOM_SERVERS" ]; then
    STRONGROOM_SERVERS=$work/tools
    "$here/install.sh" "$STRONGROOM_SERVERS"
fi
for name in "${chosen[@]}"; do
    if [ -n "$running" ]; then cp "$running/$name.line" "$work/$name.line"; else launch "$name" "$here/$name.sh"; fi
done
build
make_tree
for name in "${chosen[@]}"; do
    echo "== $name"
    began=$SECONDS
    (
        use "$name"
        "check_${name//-/_}"
    )
    row "$name" "held ($((SECONDS - began)) s)"
    [ -n "$running" ] || kill "$(cat "$work/$name.pid")"
done
