# The checks of run.sh, one function for each server and one for each thing that several servers have to show; sourced by it.

# The store decides races between writers, and keeps every law.
conforms() {
    LIMIT=300 expect 0 "$server: laws" sr-conform "$(url conform)"
    row "$server: laws" "all kept"
}

# The store does not decide races between writers, and that is found out.
is_found_out() {
    local template=$1
    LIMIT=300 expect 1 "$server: laws" sr-conform "$(url conform "$template")"
    row "$server: laws" "$(grep -ihF 'writer' "$work/out" "$work/err" | tail -n 1 | cut -c 1-150)"
}

# adapter CRATE TEMPLATE [TEST…]: the laws again in the adapter's own tests, and what only they look at. Tests of locks add lock=true themselves.
adapter() {
    local name="$server: tests of $1" crate=$1 template=$2 passed
    shift 2
    [ -n "$laws" ] || return 0
    STRONGROOM_TEST_STORE=$(url tests "$template") LIMIT=600 expect 0 "$name" \
        "$work/tests-of-$crate" --ignored --exact "$@"
    passed=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' "$work/out")
    [ "${passed:-0}" -gt 0 ] || fail "$name" 'no test was run'
    row "$name" "$passed passed"
}

same() {
    "$top/tools/acceptance/compare.sh" "$2" "$3" >"$work/out" 2>&1 || { head -n 20 "$work/out" >&2; fail "$1" 'the trees differ'; }
}

# journey NAME URL [OPTIONS OF sr-init…]: a repository is created, backed up to, checked, restored from and pruned.
journey() {
    local name=$1 repo=$2
    shift 2
    expect 0 "$name" sr-init --repo "$repo" --fast-kdf-for-tests "$@"
    expect 0 "$name" sr-backup --repo "$repo" --series tree "$work/tree"
    cp "$work/err" "$work/warned"
    expect 0 "$name" sr-backup --repo "$repo" --series tree --parent none "$work/changed"
    # Another machine, which has no cache.
    expect 0 "$name" sr-check --repo "$repo" --no-cache --level L3
    expect 0 "$name" sr-restore --repo "$repo" --no-cache latest --target "$work/restored"
    same "$name" "$work/changed" "$work/restored/"
    rm -rf "$work/restored"
    expect 0 "$name" sr-forget --repo "$repo" --keep-last 1
    expect 0 "$name" sr-prune --repo "$repo" --delete-after 0 --orphans-older-than 0 --max-unused 0
    expect 0 "$name" sr-check --repo "$repo" --no-cache
    expect 0 "$name" sr-restore --repo "$repo" --no-cache latest --target "$work/restored"
    same "$name" "$work/changed" "$work/restored/"
    rm -rf "$work/restored"
    row "$name" 'backup, check, restore and prune'
}

# only_one_writer TEMPLATE [TEMPLATE]: refused for many writers, with the reason; usable by one, by the second URL if there is one,
# and told so at every backup.
only_one_writer() {
    local repo
    repo=$(url single "$1")
    expect 1 "$server: many writers" sr-init --repo "$repo" --fast-kdf-for-tests
    says "$server: many writers" 'single-writer'
    row "$server: many writers" "refused: $(tail -n 1 "$work/err" | cut -c 1-160)"
    repo=$(url single "${2:-$1}")
    journey "$server: one writer" "$repo" --single-writer
    cp "$work/warned" "$work/err"
    says "$server: one writer" 'does not decide who of two comes first'
}

check_ceph() {
    conforms
    adapter strongroom-object-store "$STORE" real::laws real::a_missing_bucket_is_no_missing_object
    # In a bucket that keeps versions Ceph ignores conditions.
    adapter strongroom-object-store "${LOCKED/&lock=true/}&create=look" real::lock_laws real::locks real::hidden_objects_come_back
    journey "$server: journey" "$(url journey)"
    what_users_may
    what_goes_wrong
    locked_objects
    fleet_while_an_osd_dies
}

check_moto() {
    conforms
    adapter strongroom-object-store "$STORE" real::laws real::a_missing_bucket_is_no_missing_object
    adapter strongroom-object-store "${LOCKED/&lock=true/}" real::lock_laws real::locks real::hidden_objects_come_back
    journey "$server: journey" "$(url journey)"
}

check_azurite() {
    conforms
    adapter strongroom-object-store "$STORE" real::laws real::a_missing_bucket_is_no_missing_object
    journey "$server: journey" "$(url journey)"
}

check_sftp() {
    conforms
    adapter strongroom-opendal "$STORE"
    journey "$server: journey" "$(url journey)"
}

check_webdav_apache() {
    conforms
    adapter strongroom-opendal "$STORE"
    journey "$server: journey" "$(url journey)"
}

# With a claim for each object nginx decides races too. By the condition of PUT alone it does not.
check_webdav_nginx() {
    is_found_out "$STORE?create=condition"
    only_one_writer "$STORE?create=condition"
}

check_gcs() {
    is_found_out "$STORE"
    only_one_writer "$STORE"
}

check_swift() {
    is_found_out "$STORE"
    only_one_writer "$STORE" "$STORE&create=look"
}

# as USER COMMAND…: with the credentials of another user of Ceph.
as() {
    local user=$1
    shift
    AWS_ACCESS_KEY_ID=$user AWS_SECRET_ACCESS_KEY=$user-secret XDG_CACHE_HOME=$work/cache-$user "$@"
}

what_users_may() {
    local repo name
    repo=$(url users)
    name="$server: may not delete"
    expect 0 "$name" sr-init --repo "$repo" --fast-kdf-for-tests
    as adder expect 0 "$name" sr-backup --repo "$repo" --series tree "$work/tree"
    expect 0 "$name" sr-backup --repo "$repo" --series tree --parent none "$work/changed"
    expect 0 "$name" sr-forget --repo "$repo" --keep-last 1
    as adder expect 0 "$name" sr-prune --repo "$repo" --dry-run --delete-after 0
    says "$name" 'may not delete'
    row "$name" 'backup works, the plan of a prune says what it lacks'
    name="$server: may only read"
    as reader expect 0 "$name" sr-check --repo "$repo" --no-cache
    as reader expect 0 "$name" sr-restore --repo "$repo" --no-cache latest --target "$work/restored"
    same "$name" "$work/changed" "$work/restored/"
    rm -rf "$work/restored"
    as reader expect 1 "$name" sr-backup --repo "$repo" --series tree "$work/tree"
    says "$name" 'do not permit'
    row "$name" 'check and restore work, backup is refused'
}

# refused NAME PHRASE COMMAND…: the program fails and names the cause.
refused() {
    local name="$server: $1" phrase=$2
    shift 2
    expect 1 "$name" "$@"
    says "$name" "$phrase"
    row "$name" "$(tail -n 1 "$work/err" | cut -c 1-160)"
}

what_goes_wrong() {
    local repo
    repo=$(url wrong)
    expect 0 "$server: errors" sr-init --repo "$repo" --fast-kdf-for-tests
    AWS_SECRET_ACCESS_KEY=wrong refused 'wrong secret' 'not accepted' sr-snapshots --repo "$repo" --no-cache
    AWS_ACCESS_KEY_ID=nobody refused 'unknown key' 'not accepted' sr-snapshots --repo "$repo" --no-cache
    HOME="$work" refused 'no credentials' 'no credentials' env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY sr-snapshots --repo "$repo" --no-cache
    refused 'missing bucket' 'does not exist' sr-snapshots --repo "${repo/strongroom/no-such-bucket}" --no-cache
    FAKETIME_DONT_FAKE_MONOTONIC=1 refused 'clock skew' 'the clock of this machine' faketime -f +2h sr-snapshots --repo "$repo" --no-cache
    as full expect 0 "$server: full" sr-init --repo "$(url full | sed 's,//strongroom/,//strongroom-full/,')" --fast-kdf-for-tests
    as full refused 'full bucket' 'used up' sr-backup --repo "$(url full | sed 's,//strongroom/,//strongroom-full/,')" --series tree "$work/tree"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext 'subjectAltName=IP:127.0.0.1' \
        -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null
    through tls --tls "$work/tls.crt" "$work/tls.key"
    refused 'certificate nobody signed' 'certificate' sr-snapshots --repo "${repo/$ENDPOINT/https://127.0.0.1:$PORT}" --no-cache
    through expired --answer 400:ExpiredToken
    refused 'expired credentials' 'expired' sr-snapshots --repo "${repo/$ENDPOINT/http://127.0.0.1:$PORT}" --no-cache
}

# through NAME OPTIONS…: begins a proxy before the server; it listens on PORT.
through() {
    local name=$1
    shift
    launch "$name" python3 "$here/proxy.py" --to "${ENDPOINT#*://}" "$@"
    server_before=$server
    use "$name"
    server=$server_before
}

# Everything is put with a lock, read back, locked longer; the store refuses to delete it, and the plan of a prune knows.
locked_objects() {
    local repo name="$server: object lock" count first_before last_before first last
    # In a bucket that keeps versions Ceph ignores conditions, so the store looks first, and one machine may write.
    repo=$(url locks "$LOCKED&create=look")
    export STRONGROOM_LOCK=compliance:40s
    expect 0 "$name" sr-init --repo "$repo" --fast-kdf-for-tests --single-writer
    expect 0 "$name" sr-backup --repo "$repo" --series tree "$work/changed"
    expect 0 "$name" sr-locks --repo "$repo" --audit
    read -r count first_before last_before < <(locked_versions locks)
    # The next generation begins after a quarter of the time.
    sleep 11
    expect 0 "$name" sr-locks --repo "$repo" --everything
    read -r count first last < <(locked_versions locks)
    [ "$first" -gt "$first_before" ] || fail "$name" "no lock is longer: $first_before to $last_before, now $first to $last"
    expect 0 "$name" sr-backup --repo "$repo" --series tree --parent none "$work/changed/sources"
    expect 0 "$name" sr-forget --repo "$repo" --keep-last 1
    expect 0 "$name" sr-prune --repo "$repo" --dry-run --max-unused 0 --orphans-older-than 0 --delete-after 0
    says "$name" 'locked'
    row "$name" "$count objects put, read back, extended by $((first - first_before)) s; deletion refused and foreseen"
    unset STRONGROOM_LOCK
}

locked_versions() {
    "$STRONGROOM_SERVERS/venv/bin/python" "$here/buckets.py" "$ENDPOINT" "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" locked strongroom-lock "$1-$$"
}

fleet_while_an_osd_dies() {
    local repo name="$server: fleet" killer cluster=$DIR
    through faults --fail 0.015 --hang 0.005 --late 40 --counts "$work/fleet.counts"
    repo=$(url fleet)
    (
        sleep 10
        "$here/ceph.sh" osd "$cluster" kill 1
        sleep 15
        "$here/ceph.sh" osd "$cluster" restart 1
    ) &
    killer=$!
    LIMIT=600 expect 0 "$name" fleet --json --repo "${repo/$ENDPOINT/http://127.0.0.1:$PORT}" --processes 8 --minutes "$fleet_minutes" \
        --prove-at "$repo" --attempt 4 --unreliable --work "$work/fleet"
    wait "$killer" || fail "$name" 'the OSD was not killed and begun again'
    rm -rf "$work/fleet"
    row "$name" "$(python3 "$here/fleet_line.py" "$work/out")"
}
