#!/usr/bin/env bash
# Compares two directory trees in every respect, with rsync and with a walk of its own. See README.md.
# Silence and exit status 0: no difference.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat >&2 <<'USAGE'
usage: compare.sh [--without FILE] [--limited] A B

  --without FILE   relative paths, each ended by a NUL, that are not compared, nor anything below them
  --limited        as an ordinary user restored: owners, trusted attributes, capabilities, flags and devices are not compared
USAGE
    exit 2
}

without=
limited=
while [ $# -gt 2 ]; do
    case $1 in
        --without) without=$2; shift 2 ;;
        --limited) limited=1; shift ;;
        *) usage ;;
    esac
done
[ $# -eq 2 ] || usage
a=${1%/}
b=${2%/}

command -v rsync >/dev/null || { echo "compare: rsync is missing" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

status=0
python3 -B "$here/compare_trees.py" "$a" "$b" ${without:+--without "$without"} ${limited:+--limited} --too-long "$work/exclude" || status=1

# rsync reaches no path longer than PATH_MAX; compare_trees.py did, and wrote down where they begin.
kinds=-aHAXn
[ -z "$limited" ] || kinds=-rlptDHAn
for pair in "$a/|$b/" "$b/|$a/"; do
    rsync $kinds --numeric-ids --checksum --delete --itemize-changes --from0 --exclude-from="$work/exclude" \
        "${pair%%|*}" "${pair##*|}" >"$work/changes" 2>"$work/errors" || { echo "compare: rsync failed on $pair" >&2; status=1; }
    if [ -s "$work/changes" ] || [ -s "$work/errors" ]; then
        echo "compare: rsync $pair:" >&2
        head -n 40 "$work/changes" "$work/errors" | cut -c 1-300 >&2
        status=1
    fi
done
exit $status
