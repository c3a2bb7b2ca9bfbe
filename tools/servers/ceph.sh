#!/usr/bin/env bash
# A Ceph cluster on the loopback interface: one monitor, three OSDs with replication (three copies, two suffice), a RADOS gateway.
#   ceph.sh [memstore|bluestore]          prints one line when it is ready, and runs until it is told to end
#   ceph.sh osd DIR kill|stop|cont|restart N     does that to one OSD of the cluster in DIR: SIGKILL, SIGSTOP, SIGCONT, begin again
#   ceph.sh admin DIR COMMAND…            runs `ceph`, `radosgw-admin`, … on the cluster in DIR
# Only bluestore keeps what it acknowledged when an OSD is killed. Buckets: `strongroom`, and `strongroom-lock` with object lock.
# Users: `owner` of both; `adder` may put and read but not delete in `strongroom`; `reader` may only read; `full` owns `strongroom-full` with a quota of 2 MiB.
# The secret of each is its name and `-secret`.
set -euo pipefail
# shellcheck source=tools/servers/lib.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/lib.sh"

osd() {
    local dir=$1 what=$2 number=$3 pid
    pid=$(cat "$dir/osd.$number.pid")
    case $what in
        kill) kill -KILL "$pid" ;;
        stop) kill -STOP "$pid" ;;
        cont) kill -CONT "$pid" ;;
        restart)
            ! kill -0 "$pid" 2>/dev/null || fail "osd.$number still runs"
            export CEPH_CONF="$dir/ceph.conf"
            start "osd.$number" setsid ceph-osd -i "$number" -f
            ;;
        *) fail "what is $what?" ;;
    esac
}

admin() {
    local dir=$1
    shift
    CEPH_CONF="$dir/ceph.conf" "$@"
}

case ${1:-} in
    osd) shift; osd "$@"; exit ;;
    admin) shift; admin "$@"; exit ;;
esac

store=${1:-bluestore}
need ceph-mon ceph-osd radosgw radosgw-admin ceph ceph-authtool monmaptool curl
need_tools
begin ceph
read -r messenger legacy gateway < <(free_ports 3)
cluster=$(cat /proc/sys/kernel/random/uuid)

cat >"$dir/ceph.conf" <<CONF
[global]
fsid = $cluster
mon_host = [v2:127.0.0.1:$messenger,v1:127.0.0.1:$legacy]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
keyring = $dir/keyring
osd_pool_default_size = 3
osd_pool_default_min_size = 2
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
mon_max_pg_per_osd = 1000
osd_crush_chooseleaf_type = 0
auth_allow_insecure_global_id_reclaim = false
log_file = $dir/\$name.log
admin_socket = $dir/\$name.asok
run_dir = $dir
crash_dir = $dir/crash
# All three OSDs are one host to the monitor: one of them may report another.
mon_osd_min_down_reporters = 1
mon_osd_reporter_subtree_level = osd
osd_heartbeat_interval = 2
osd_heartbeat_grace = 8
[mon]
mon_data = $dir/mon
mon_initial_members = a
mon_data_avail_warn = 1
mon_data_avail_crit = 1
[osd]
osd_data = $dir/osd.\$id
osd_objectstore = $store
memstore_device_bytes = 3221225472
bluestore_block_size = 17179869184
bluestore_cache_autotune = false
bluestore_cache_size = 67108864
osd_op_num_shards = 2
osd_max_backfills = 4
[client]
rgw_frontends = beast endpoint=127.0.0.1:$gateway
rgw_rados_pool_pg_num_min = 4
rgw_thread_pool_size = 64
rgw_run_sync_thread = false
rgw_bucket_quota_ttl = 1
rgw_user_quota_bucket_sync_interval = 1
rgw_bucket_default_quota_max_objects = -1
CONF

export CEPH_CONF="$dir/ceph.conf"
keyring=$dir/keyring
mkdir -p "$dir"/{mon,osd.0,osd.1,osd.2,crash}
ceph-authtool --create-keyring "$keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
for name in client.admin client.rgw osd.0 osd.1 osd.2; do
    ceph-authtool "$keyring" --gen-key -n "$name" --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' >/dev/null
done
monmaptool --create --clobber --fsid "$cluster" --addv a "[v2:127.0.0.1:$messenger,v1:127.0.0.1:$legacy]" "$dir/monmap" >/dev/null
ceph-mon -i a --mkfs --monmap "$dir/monmap" --keyring "$keyring" >>"$dir/mon.log" 2>&1
start mon setsid ceph-mon -i a -f
for number in 0 1 2; do
    ceph-osd -i "$number" --mkfs --osd-uuid "$(cat /proc/sys/kernel/random/uuid)" >>"$dir/osd.$number.log" 2>&1
done
wait_until 'an answer of the monitor' timeout 10 ceph --connect-timeout 5 osd dump
for number in 0 1 2; do
    ceph osd new "$(cat "$dir/osd.$number/fsid")" "$number" >/dev/null
    start "osd.$number" setsid ceph-osd -i "$number" -f
done
three_up() { timeout 10 ceph --connect-timeout 5 osd stat | grep -q '3 up'; }
wait_until 'three OSDs' three_up
start rgw setsid radosgw -n client.rgw -f
wait_until 'an answer of the gateway' answers "http://127.0.0.1:$gateway/"

for user in owner adder reader full; do
    radosgw-admin user create --uid="$user" --display-name="$user" --access-key="$user" --secret-key="$user-secret" >/dev/null 2>>"$dir/admin.log"
done
radosgw-admin quota set --quota-scope=user --uid=full --max-size=2097152 >/dev/null 2>>"$dir/admin.log"
radosgw-admin quota enable --quota-scope=user --uid=full >/dev/null 2>>"$dir/admin.log"
buckets() { "$tools/venv/bin/python" "$here/buckets.py" "http://127.0.0.1:$gateway" "$@"; }
buckets owner owner-secret make strongroom
buckets owner owner-secret share strongroom adder reader
buckets owner owner-secret make-locked strongroom-lock
buckets full full-secret make strongroom-full

ready STORE "s3://strongroom/{}?endpoint=http://127.0.0.1:$gateway&region=us-east-1" \
    LOCKED "s3://strongroom-lock/{}?endpoint=http://127.0.0.1:$gateway&region=us-east-1&lock=true" \
    ENDPOINT "http://127.0.0.1:$gateway" AWS_ACCESS_KEY_ID owner AWS_SECRET_ACCESS_KEY owner-secret
