# The checks of run.sh, which sources this file.
# shellcheck shell=bash disable=SC2154

MEMORY_LIMIT_KIB=$((300 * 1024))

# A folder of this machine through quickstart, and once more through the single programs with an independent comparison.
check_share() {
    measured "quickstart /usr/share" env TMPDIR="$work" "$bin/quickstart" --repo "$work/quickstart" /usr/share
    grep -q identical "$work/out" || fail "quickstart /usr/share" "does not say identical: $(tail -n 3 "$work/out")"
    row "quickstart /usr/share" "identical, $took s, peak $((peak / 1024)) MiB"
    pristine "$work/quickstart"
    round_trip "/usr/share" /usr/share
}

# round_trip NAME SOURCE: backup, restore, compare; leaves nothing.
round_trip() {
    local name=$1 source=$2 backup repository=$work/repository target=$work/target
    expect 0 "$name" "$bin/sr-init" --repo "$repository" --fast-kdf-for-tests
    measured "$name: backup" "$bin/sr-backup" --repo "$repository" --no-cache "$source"
    in_memory "$name: backup"
    backup="backup $took s, peak $((peak / 1024)) MiB"
    measured "$name: unchanged" "$bin/sr-backup" --repo "$repository" --no-cache "$source"
    in_memory "$name: unchanged"
    backup="$backup; unchanged $took s, peak $((peak / 1024)) MiB"
    measured "$name: restore" "$bin/sr-restore" --repo "$repository" --no-cache latest --target "$target"
    in_memory "$name: restore"
    row "$name" "$backup; restore $took s, peak $((peak / 1024)) MiB; repository $(du -sm "$repository" | cut -f 1) MiB"
    same "$name: comparison" "$source" "$target"
    row "$name: comparison" "identical"
    pristine "$target"
    pristine "$repository"
}

in_memory() {
    [ "$peak" -lt "$MEMORY_LIMIT_KIB" ] || fail "$1" "peak memory $((peak / 1024)) MiB, limit $((MEMORY_LIMIT_KIB / 1024))"
}

hostile=
# Builds the hostile tree and its first backup once for the checks that use it.
need_hostile() {
    [ -z "$hostile" ] || return 0
    hostile=$work/hostile
    "$here/hostile-tree.sh" --entries 100000 "$hostile"
    expect 0 "hostile tree: init" "$bin/sr-init" --repo "$work/hostile-repository" --fast-kdf-for-tests
    measured "hostile tree: backup" "$bin/sr-backup" --repo "$work/hostile-repository" --cache "$work/cache" "$hostile"
    in_memory "hostile tree: backup"
    row "hostile tree: backup" "complete, $took s, peak $((peak / 1024)) MiB"
}

check_hostile() {
    need_hostile
    measured "hostile tree: restore" "$bin/sr-restore" --repo "$work/hostile-repository" latest --target "$work/restored"
    in_memory "hostile tree: restore"
    same "hostile tree: comparison" "$hostile" "$work/restored"
    row "hostile tree: restore" "identical, $took s, peak $((peak / 1024)) MiB"
}

# One journal entry is all that an unchanged backup writes, and it opens no file of the source.
check_unchanged() {
    need_hostile
    objects "$work/hostile-repository" >"$work/before"
    expect 0 "unchanged backup" strace -f -qq -y -s 4096 -e trace=open,openat,openat2 -o "$work/strace" \
        "$bin/sr-backup" --repo "$work/hostile-repository" --cache "$work/cache" "$hostile"
    objects "$work/hostile-repository" >"$work/after"
    comm -3 "$work/before" "$work/after" >"$work/new"
    [ "$(wc -l <"$work/new")" -eq 1 ] && grep -q $'^\t./journal/' "$work/new" ||
        fail "unchanged backup: objects" "not exactly one journal entry: $(head -n 5 "$work/new" | tr '\n' ' ')"
    row "unchanged backup: objects" "one journal entry"
    python3 -B "$here/opened_files.py" "$work/strace" "$work/hostile-repository" "$work/cache" "$bin" >"$work/opened" 2>&1 ||
        fail "unchanged backup: strace" "$(head -n 3 "$work/opened" | cut -c 1-300)"
    row "unchanged backup: strace" "$(cat "$work/opened")"
}

# A restore onto a tree that was changed in every way ends like a restore into nothing.
check_dirtied() {
    need_hostile
    [ -d "$work/restored" ] || expect 0 "dirtied target" "$bin/sr-restore" --repo "$work/hostile-repository" latest --target "$work/restored"
    python3 -B "$here/trees.py" dirty "$work/restored" >"$work/dirt"
    expect 0 "dirtied target" "$bin/sr-restore" --repo "$work/hostile-repository" latest --target "$work/restored" --delete
    same "dirtied target" "$hostile" "$work/restored"
    row "dirtied target" "identical again after $(wc -l <"$work/dirt") changes"
    pristine "$work/restored"
}

# What an ordinary user cannot read is listed, and costs nothing else.
check_user() {
    local home=$work/user
    # Its own PATH: what stands first in root's may be where that user may not go.
    local user=(env PATH=/usr/sbin:/usr/bin:/sbin:/bin setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --)
    mkdir "$home"
    chown 65534:65534 "$home"
    cp -r "$here" "$work/tools" # the checkout may be where that user may not go
    "${user[@]}" "$work/tools/hostile-tree.sh" --entries 2000 "$home/tree"
    "${user[@]}" python3 -B "$work/tools/trees.py" unreadable "$home/tree" >"$work/unreadable"
    [ -s "$work/unreadable" ] || fail "ordinary user" "there is nothing unreadable in the tree"
    expect 0 "ordinary user: init" "${user[@]}" "$bin/sr-init" --repo "$home/repository" --fast-kdf-for-tests
    expect 3 "ordinary user: backup" "${user[@]}" "$bin/sr-backup" --repo "$home/repository" --no-cache --json "$home/tree"
    python3 -B "$here/trees.py" listed "$work/unreadable" "$work/out" >"$work/listed" 2>&1 ||
        fail "ordinary user: problems listed" "$(head -n 5 "$work/listed" | cut -c 1-300)"
    row "ordinary user: backup" "partial, $(cat "$work/listed")"
    expect 0 "ordinary user: restore" "${user[@]}" "$bin/sr-restore" --repo "$home/repository" --no-cache latest --target "$home/restored"
    same "ordinary user: restore" --limited --without "$work/unreadable" "$home/tree" "$home/restored"
    row "ordinary user: restore" "identical without them"
    pristine "$home"
}

# Peak memory on one large file and on many small ones.
check_memory() {
    local gigabytes=2 files=100000
    [ -z "$full" ] || { gigabytes=20 files=1000000; }
    python3 -B "$here/trees.py" large "$work/large" "$gigabytes"
    round_trip "sparse file of $gigabytes GB" "$work/large"
    pristine "$work/large"
    python3 -B "$here/trees.py" crowd "$work/crowd" "$files"
    round_trip "directory of $files files" "$work/crowd"
    pristine "$work/crowd"
}

# Attributes as large as the format takes, on a file system that takes them; hostile-tree.sh leaves them out on most.
check_attributes() {
    truncate -s 256M "$work/image"
    mkfs.ext4 -q -O ea_inode "$work/image" || fail "large attributes" "mkfs.ext4 -O ea_inode is not possible here"
    mkdir "$work/mount"
    mount -o loop "$work/image" "$work/mount" || fail "large attributes" "a loop device cannot be mounted here"
    python3 -B "$here/trees.py" attributes "$work/mount/source"
    expect 0 "large attributes" "$bin/sr-init" --repo "$work/attributes" --fast-kdf-for-tests
    expect 0 "large attributes" "$bin/sr-backup" --repo "$work/attributes" --no-cache "$work/mount/source"
    expect 0 "large attributes" "$bin/sr-restore" --repo "$work/attributes" --no-cache latest --target "$work/mount/restored"
    same "large attributes" "$work/mount/source" "$work/mount/restored"
    row "large attributes" "identical: values to 65,536 bytes, 900 KB on one file"
    umount "$work/mount"
    rm "$work/image"
    pristine "$work/attributes"
}

check_linux() {
    local source=${LINUX_SOURCE:-}
    if [ -z "$source" ]; then
        source=$work/linux
        mkdir "$source" "$work/package"
        (cd "$work/package" && apt-get download -qq linux-source-6.1 2>/dev/null) || fail "Linux source" "apt-get download failed"
        dpkg-deb --fsys-tarfile "$work"/package/*.deb | tar -xO --wildcards '*/linux-source-6.1.tar.xz' | tar -xJ -C "$source"
    fi
    measured "quickstart, Linux source" env TMPDIR="$work" "$bin/quickstart" --repo "$work/quickstart" "$source"
    grep -q identical "$work/out" || fail "quickstart, Linux source" "does not say identical: $(tail -n 3 "$work/out")"
    row "quickstart, Linux source" "identical, $took s, peak $((peak / 1024)) MiB"
    pristine "$work/quickstart"
    round_trip "Linux source" "$source"
}
