#!/usr/bin/env bash
# Makes repositories with the engine's programs, reads them with the decoder, and compares what comes out with what was backed up.
#
#   PYTHON            interpreter with the packages of requirements.txt (default: python3)
#   CARGO_TARGET_DIR  where the release programs are, or are built (default: target)
#   KEEP=1            leaves the working folder behind and says where it is
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
PYTHON=${PYTHON:-python3}
programs=${CARGO_TARGET_DIR:-$project/target}/release
work=$(mktemp -d "${TMPDIR:-/tmp}/against-engine.XXXXXX")
small_backups=135

finish() {
    if [ "${KEEP:-}" = 1 ]; then
        echo "kept: $work"
    else
        chmod -R u+rwX "$work" 2>/dev/null || true
        rm -rf "$work"
    fi
}
trap finish EXIT

fail() {
    echo "against-engine: $*" >&2
    exit 1
}

need() {
    command -v "$1" >/dev/null || fail "$1 is needed"
}

# Runs a command quietly; when it fails, all it said is shown.
quietly() {
    local log=$work/log
    "$@" >"$log" 2>&1 || { cat "$log" >&2; fail "failed: $*"; }
}

build() {
    local program
    for program in sr-init sr-backup sr-keys sr-forget sr-prune sr-undelete sr-copy sr-parity; do
        [ -x "$programs/$program" ] && continue
        need cargo
        (cd "$project" && cargo build --release -p strongroom-examples --bins) || fail "the engine's programs do not build"
        break
    done
}

# A program of the engine on the repository at hand: engine PROGRAM ARGUMENTS
engine() {
    local program=$1
    shift
    quietly "$programs/$program" --repo "$repository" --no-cache "${way_in[@]}" "$@"
}

decoder() {
    "$PYTHON" "$here/strongroom_decoder.py" "$@"
}

# Everything the decoder can check; the counts stay in $work/verify.
verify() {
    decoder "$@" "$repository" verify >"$work/verify" 2>"$work/errors" ||
        { cat "$work/verify" "$work/errors" >&2; fail "$repository_name: verify $*"; }
    [ -s "$work/errors" ] && { cat "$work/errors" >&2; fail "$repository_name: verify $* warned"; }
    return 0
}

# The last `verify` saw at least so many of something: saw COUNT WHAT
saw() {
    grep -Eq "(^|, )([0-9]+) $2(,|$)" "$work/verify" || fail "$repository_name: verify counted no $2"
    local count
    count=$(grep -Eo "[0-9]+ $2(,|$)" "$work/verify" | grep -Eo '^[0-9]+' | head -n 1)
    [ "$count" -ge "$1" ] || fail "$repository_name: $count $2, at least $1 were expected"
}

# Two trees are alike in content and metadata: same FROM BACKUP-OF
same() {
    local differences
    diff -r --no-dereference -x fifo -x null -x disk "$2" "$1" >"$work/diff" 2>&1 ||
        { head -n 20 "$work/diff" >&2; fail "$repository_name: content of $1 differs from $2"; }
    differences=$(rsync -aHAXni --delete --numeric-ids "$2/" "$1/") || fail "rsync"
    [ -z "$differences" ] || { head -n 20 <<<"$differences" >&2; fail "$repository_name: metadata of $1 differs from $2"; }
}

# Keeps what was backed up, as the n-th: keep DIRECTORY
keep() {
    kept=$((kept + 1))
    cp -a --sparse=always "$1" "$work/$repository_name.kept/$kept"
}

# Extracts all snapshots and compares each with what was kept: compare CREDENTIALS
compare() {
    local out=$work/$repository_name.out id n=0
    rm -rf "$out"
    mkdir "$out"
    decoder "$@" "$repository" snapshots >"$work/snapshots" || fail "$repository_name: snapshots $*"
    decoder "$@" "$repository" extract-all "$out" 2>"$work/errors" || { cat "$work/errors" >&2; fail "$repository_name: extract-all $*"; }
    [ -s "$work/errors" ] && { cat "$work/errors" >&2; fail "$repository_name: extract-all $* warned"; }
    while read -r id _; do
        n=$((n + 1))
        [ -e "$work/$repository_name.kept/$n" ] || fail "$repository_name: more snapshots than backups"
        same "$out/$id" "$work/$repository_name.kept/$n"
    done <"$work/snapshots"
    [ "$n" = "$kept" ] || fail "$repository_name: $n snapshots, $kept were made"
}

# ls names as many entries as were backed up: listed ID DIRECTORY CREDENTIALS
listed() {
    local id=$1 source=$2 there expected
    shift 2
    there=$(decoder "$@" "$repository" ls "$id" | wc -l) || fail "$repository_name: ls $id"
    expected=$(find "$source" -mindepth 1 -printf 'x\n' | wc -l)
    [ "$there" = "$expected" ] || fail "$repository_name: ls shows $there entries, there are $expected"
}

start() {
    repository_name=$1
    repository=$work/$1.repository
    kept=0
    mkdir "$work/$1.kept"
    echo "== $1"
}

# Snapshots of a tree with everything, as of a repository without encryption or of a suite: everything NAME INIT-ARGUMENTS
everything() {
    start "$1"
    shift
    engine sr-init "$@"
    pin=$(grep -E '^pin ' "$work/log" | grep -Eo '[0-9a-f]{64}') || fail "sr-init names no pin"
    code=$(grep -Eo '([0-9A-Z]{7}-){7}[0-9A-Z]{7}' "$work/log" || true)
    rm -rf "$work/tree"
    "$PYTHON" "$here/example_tree.py" "$work/tree"
    engine sr-backup "$work/tree"
    keep "$work/tree"
    "$PYTHON" "$here/example_tree.py" --change "$work/tree"
    engine sr-backup --tag changed --tag again --description "words for people" --exclude nothing-like-this "$work/tree"
    keep "$work/tree"
    verify "${reads[@]}" --pin-genesis "$pin"
    saw 2 snapshots
    saw 38 recipes  # two versions of a large file, and one of many pages
    saw 1 'interior pages'
    verify "${reads[@]}" --without-index
    compare "${reads[@]}"
    local sparse
    sparse=$(find "$work/$repository_name.out" -name 'only a hole' -printf '%b\n' | sort -n | tail -n 1)
    [ "$sparse" -le 64 ] || fail "$repository_name: a hole came back as $sparse blocks"
    compare "${reads[@]}" --without-index
    listed latest "$work/tree" "${reads[@]}"
}

no_encryption() {
    way_in=(--no-password) reads=()
    everything suite-0 --suite none
    # Several paths keep their whole paths, and a stream is a file.
    mkdir "$work/other"
    echo other >"$work/other/file"
    engine sr-backup "$work/other" "$work/tree/links"
    decoder "$repository" extract latest "$work/several" || fail "$repository_name: extract"
    same "$work/several$work/other" "$work/other"
    same "$work/several$work/tree/links" "$work/tree/links"
    seq 1000000 >"$work/numbers"
    engine sr-backup --stdin numbers <"$work/numbers"
    decoder "$repository" extract latest "$work/stream" || fail "$repository_name: extract"
    cmp "$work/stream/numbers" "$work/numbers" || fail "$repository_name: a stream differs"
    engine sr-backup --name output --command seq 1000000
    decoder "$repository" extract latest "$work/command" || fail "$repository_name: extract"
    cmp "$work/command/output" "$work/numbers" || fail "$repository_name: the output of a command differs"
    verify
}

# Slots that come and go; the keyring follows.
slots() {
    printf 'second passphrase\r\n' >"$work/second"
    printf 'third passphrase' >"$work/third"
    engine sr-keys add --label second --new-password-file "$work/second"
    engine sr-keys add --label third --new-password-file "$work/third"
    cp -r "$repository/slot" "$repository/keyring" "$work/"
    engine sr-keys revoke third
    verify --password-file "$work/second"
    saw 3 slots
    verify --recovery-code "$code" --pin-genesis "$pin"
    revoked
    # What was deleted comes back from an old copy of the store: the journal says that it is no longer in force.
    cp -r "$work/slot" "$work/keyring" "$repository/"
    revoked
    grep -q 'it was revoked' "$work/log" || fail "$repository_name: a revoked passphrase is refused for another reason: $(cat "$work/log")"
    verify --password-file "$work/second"
}

revoked() {
    ! decoder --password-file "$work/third" "$repository" info >"$work/log" 2>&1 || fail "$repository_name: a revoked passphrase still opens"
}

# More entries than two bundles take, each of a backup of its own.
many_entries() {
    local i
    start "$1"
    shift
    engine sr-init "$@"
    code=$(grep -Eo '([0-9A-Z]{7}-){7}[0-9A-Z]{7}' "$work/log" || true)
    if [ -n "$code" ]; then  # a recovery code needs no key derivation that is slow by intention
        printf '%s\n' "$code" >"$work/code"
        way_in=(--password-file "$work/code" --recovery-code) reads=(--recovery-code "$code")
    fi
    mkdir "$work/small"
    for i in $(seq "$small_backups"); do
        echo "$i" >"$work/small/file $((i % 10))"
        engine sr-backup "$work/small"
        keep "$work/small"
    done
    verify "${reads[@]}"
    saw 130 entries
    saw 2 bundles
    saw 1 checkpoints
    verify "${reads[@]}" --without-index
    compare "${reads[@]}"
    # Entries that are missing or not whole are read from their bundle.
    rm "$repository/journal/0000000000000005"
    printf x >>"$repository/journal/0000000000000046"
    compare "${reads[@]}"
}

# A repository whose packs have parity: written at once, later, more of it, after a prune, in a replica, and none.
protected() {
    local packs
    start "$1"
    shift
    engine sr-init "$@"
    rm -rf "$work/tree"
    "$PYTHON" "$here/example_tree.py" "$work/tree"
    engine sr-backup --parity 2% "$work/tree"
    keep "$work/tree"
    parities 1
    head -c 3000000 /dev/urandom >"$work/tree/noise"
    engine sr-backup "$work/tree"
    keep "$work/tree"
    engine sr-parity
    parities 2
    engine sr-parity --parity 30%
    parities 2
    compare "${reads[@]}"
    engine sr-forget --keep-last 1
    engine sr-prune --parity 2% --delete-after 0 --orphans-older-than 0 --sessions-older-than 0 --max-unused 0
    only_last 1
    parities 1
    compare "${reads[@]}"
    quietly "$programs/sr-copy" --repo "$repository" --no-cache "${way_in[@]}" --parity 5% --replicate --to "$work/protected.replica"
    # A byte of a pack is wrong: its parity says so too.
    packs=("$repository"/pack/*/*)
    printf '\377' | dd of="${packs[0]}" bs=1 seek=70 conv=notrunc status=none
    ! decoder "${reads[@]}" "$repository" verify >"$work/log" 2>&1 || fail "$repository_name: damage is not noticed"
    grep -q "parity/$(basename "${packs[0]}"): shards \[0\]" "$work/log" || fail "$repository_name: parity does not find the damage: $(cat "$work/log")"
    repository=$work/protected.replica
    parities 1
    compare "${reads[@]}"
    engine sr-parity --remove
    [ -z "$(find "$repository/parity" -type f)" ] || fail "$repository_name: parity stays"
    verify "${reads[@]}"
}

# Every pack has parity, and at least COUNT packs have any: parities COUNT
parities() {
    local pack
    for pack in "$repository"/pack/*/*; do
        [ -e "$repository/parity/$(basename "$pack")" ] || fail "$repository_name: $pack has no parity"
    done
    verify "${reads[@]}"
    saw "$1" parities
    ! grep -q 'its pack is not there' "$work/verify" || fail "$repository_name: parity of nothing"
}

# Only the last COUNT of what was kept is still to be found: only_last COUNT
only_last() {
    local i first=$((kept - $1))
    for i in $(seq "$kept"); do
        rm -rf "$work/$repository_name.kept/$i.old"
        mv "$work/$repository_name.kept/$i" "$work/$repository_name.kept/$i.old"
    done
    for i in $(seq "$1"); do
        mv "$work/$repository_name.kept/$((first + i)).old" "$work/$repository_name.kept/$i"
    done
    kept=$1
}

# A repository that was forgotten from, pruned in both ways, merged, brought back from and copied.
maintained() {
    local i forgotten now=(--delete-after 0 --orphans-older-than 0 --sessions-older-than 0 --max-unused 0)
    start "$1"
    shift
    engine sr-init "$@"
    rm -rf "$work/tree"
    "$PYTHON" "$here/example_tree.py" "$work/tree"
    for i in $(seq 12); do
        seq "$((i * 1000))" "$((i * 1000 + 9000))" >"$work/tree/numbers"
        head -c 200000 /dev/urandom >"$work/tree/noise $((i % 3))"
        engine sr-backup "$work/tree"
        keep "$work/tree"
    done
    engine sr-forget --keep-last 8
    only_last 8
    engine sr-prune --no-reframe "${now[@]}"
    verify "${reads[@]}"
    saw 8 snapshots
    compare "${reads[@]}"
    compare "${reads[@]}" --without-index
    # What is forgotten and dropped, and not yet deleted, comes back; as the last of all.
    read -r forgotten _ <"$work/snapshots" # as the comparison has listed them
    engine sr-forget "$forgotten"
    engine sr-prune --max-unused 0
    engine sr-undelete "$forgotten"
    verify "${reads[@]}"
    mv "$work/$repository_name.kept/1" "$work/first"
    for i in $(seq 2 8); do
        mv "$work/$repository_name.kept/$i" "$work/$repository_name.kept/$((i - 1))"
    done
    mv "$work/first" "$work/$repository_name.kept/8"
    compare "${reads[@]}"
    engine sr-forget --keep-last 3 --trust-clocks --dry-run
    engine sr-prune "${now[@]}"
    verify "${reads[@]}"
    compare "${reads[@]}"
    # The same objects in another place, and the same snapshots under other keys.
    quietly "$programs/sr-copy" --repo "$repository" --no-cache "${way_in[@]}" --replicate --to "$work/replica"
    repository=$work/replica
    verify "${reads[@]}"
    compare "${reads[@]}"
}

need rsync
need diff
build
printf 'pass phrase \303\274\n' >"$work/password"
no_encryption
way_in=(--password-file "$work/password") reads=("${way_in[@]}")
everything suite-1 --suite aes256-gcm
slots
compare --recovery-code "$code"
everything suite-2 --suite chacha20-poly1305
maintained maintained
protected protected
way_in=(--password-file "$work/password") reads=("${way_in[@]}")
many_entries entries
echo "against-engine: no deviation"
