#!/usr/bin/env bash
# Builds a directory tree that is hard to back up, or removes one again. See README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat >&2 <<'USAGE'
usage: hostile-tree.sh [--entries N] DIR     build; DIR must not exist or must be empty
       hostile-tree.sh --remove DIR          remove, immutable files and deep paths included

  --entries N   entries of the crowded directory (default 100000)

Everything that this machine or this user cannot build is listed on standard output as "left out: …".
USAGE
    exit 2
}

entries=100000
remove=
while [ $# -gt 1 ]; do
    case $1 in
        --entries) entries=$2; shift 2 ;;
        --remove) remove=1; shift ;;
        *) usage ;;
    esac
done
[ $# -eq 1 ] && [ "${1#--}" = "$1" ] || usage
dir=$1

if [ -n "$remove" ]; then
    exec python3 -B "$here/hostile_tree.py" remove "$dir"
fi

missing=
for tool in setfacl setfattr setcap chattr; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
if [ -n "$missing" ]; then
    echo "hostile-tree: missing:$missing (packages acl, attr, libcap2-bin, e2fsprogs)" >&2
    exit 1
fi

mkdir -p "$dir"
if [ -n "$(ls -A "$dir")" ]; then
    echo "hostile-tree: $dir is not empty" >&2
    exit 1
fi
exec python3 -B "$here/hostile_tree.py" build "$dir" "$entries"
