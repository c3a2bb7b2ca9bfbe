# What the scripts that start a server share; sourced. Whoever sources it has said `set -euo pipefail`.
#
# begin NAME             makes the folder $dir, and arranges that at the end every process is stopped and the folder removed
# start NAME COMMAND…    runs a server in the background; its output goes to $dir/NAME.log, its process id to $dir/NAME.pid
# wait_until WHAT COMMAND…   waits until the command succeeds; fails when a server ended before, or after $PATIENCE seconds
# ready KEY VALUE…       prints one line of shell assignments, and runs until it is told to end

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATIENCE=${PATIENCE:-180}
# The folder that install.sh filled.
tools=${STRONGROOM_SERVERS:-}

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }

need() {
    local command
    for command in "$@"; do
        command -v "$command" >/dev/null || [ -x "/usr/sbin/$command" ] || fail "$command is missing; see install.sh"
    done
}

need_tools() { [ -x "$tools/venv/bin/python" ] || fail "STRONGROOM_SERVERS does not name the folder that install.sh filled"; }

begin() {
    export PATH="$PATH:/usr/sbin:/sbin"
    dir=$(mktemp -d "${TMPDIR:-/tmp}/strongroom-$1.XXXXXX")
    chmod 755 "$dir"
    trap finish EXIT
    trap 'exit 143' TERM
    trap 'exit 130' INT
    trap 'exit 129' HUP
}

finish() {
    local status=$? file pid tries
    trap '' TERM INT HUP
    trap - EXIT
    local pids=()
    [ -z "${sleeper:-}" ] || kill "$sleeper" 2>/dev/null || true
    for file in "$dir"/*.pid; do
        [ -s "$file" ] || continue
        pid=$(cat "$file")
        kill -CONT "$pid" 2>/dev/null || continue
        kill -TERM "$pid" 2>/dev/null || continue
        pids+=("$pid")
    done
    for pid in ${pids[@]+"${pids[@]}"}; do
        for tries in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        ! kill -0 "$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$dir"
    exit "$status"
}

start() {
    local name=$1
    shift
    "$@" >>"$dir/$name.log" 2>&1 </dev/null &
    echo $! >"$dir/$name.pid"
}

wait_until() {
    local what=$1 file end=$((SECONDS + PATIENCE))
    shift
    until "$@" >/dev/null 2>&1; do
        for file in "$dir"/*.pid; do
            [ -s "$file" ] || continue
            kill -0 "$(cat "$file")" 2>/dev/null || { tail -n 5 "${file%.pid}.log" >&2; fail "$(basename "${file%.pid}") ended before $what"; }
        done
        [ $SECONDS -lt $end ] || { tail -n 5 "$dir"/*.log >&2; fail "no $what after $PATIENCE s"; }
        sleep 0.2
    done
}

ready() {
    local line=
    while [ $# -gt 0 ]; do
        line+="$1='$2' "
        shift 2
    done
    echo "${line}DIR='$dir'"
    # Closing it tells the reader of a pipe that this was all.
    exec >/dev/null
    sleep infinity &
    sleeper=$!
    while :; do wait "$sleeper" || true; done
}

# free_ports N: N ports of the loopback interface that nobody listens on.
free_ports() {
    python3 - "$1" <<'PYTHON'
import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for each in sockets:
    each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in sockets))
PYTHON
}

answers() { curl -s -o "$dir/answer" --max-time 5 "$@"; }
