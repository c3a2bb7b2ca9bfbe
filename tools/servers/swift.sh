#!/usr/bin/env bash
# OpenStack Swift with its S3 interface: one node, one folder for a disk. It refuses conditions with 501. Bucket: `strongroom`.
set -euo pipefail
# shellcheck source=tools/servers/lib.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/lib.sh"
need swift-proxy-server swift-ring-builder memcached curl
need_tools
begin swift
read -r proxy account container object memory < <(free_ports 5)
mkdir -p "$dir"/{etc,node/d1,cache}
cat >"$dir/etc/swift.conf" <<CONF
[swift-hash]
swift_hash_path_prefix = p
swift_hash_path_suffix = s
[storage-policy:0]
name = gold
default = yes
CONF
# The servers look for it in /etc/swift alone, and all of this machine may share it: it names no folder and no port.
mkdir -p /etc/swift
cmp -s "$dir/etc/swift.conf" /etc/swift/swift.conf || cp "$dir/etc/swift.conf" /etc/swift/swift.conf
for each in "account:$account" "container:$container" "object:$object"; do
    name=${each%%:*}
    port=${each##*:}
    (
        cd "$dir/etc"
        swift-ring-builder "$name.builder" create 4 1 0
        swift-ring-builder "$name.builder" add "r1z1-127.0.0.1:$port/d1" 1
        swift-ring-builder "$name.builder" rebalance
    ) >>"$dir/ring.log"
    cat >"$dir/etc/$name.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port
devices = $dir/node
mount_check = false
swift_dir = $dir/etc
recon_cache_path = $dir/cache
user = swift
workers = 0
# Write although less than a hundredth of the disk is free: it is not theirs.
fallocate_reserve = 0
[pipeline:main]
pipeline = $name-server
[app:$name-server]
use = egg:swift#$name
CONF
done
filters='catch_errors listing_formats bulk tempurl copy slo dlo symlink'
cat >"$dir/etc/proxy.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $proxy
swift_dir = $dir/etc
user = swift
workers = 0
[pipeline:main]
pipeline = catch_errors cache listing_formats bulk tempurl s3api tempauth copy slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
# There is one node: to leave it alone for a minute after errors would be an outage, and a slow machine is no error.
error_suppression_limit = 1000000
error_suppression_interval = 1
node_timeout = 60
recoverable_node_timeout = 60
conn_timeout = 10
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$memory
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1
min_segment_size = 5242880
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
CONF
for name in $filters; do printf '[filter:%s]\nuse = egg:swift#%s\n' "$name" "$name"; done >>"$dir/etc/proxy.conf"
chown -R swift:swift "$dir"/{etc,node,cache}
export SWIFT_DIR="$dir/etc"
start memcached memcached -u nobody -l 127.0.0.1 -p "$memory"
for name in account container object; do start "$name" "swift-$name-server" "$dir/etc/$name.conf"; done
# The proxy answers long before them, and with 503 what needs them.
for port in "$account" "$container" "$object"; do
    wait_until 'the storage servers answer' answers -X OPTIONS "http://127.0.0.1:$port/"
done
start proxy swift-proxy-server "$dir/etc/proxy.conf"
wait_until 'an answer' curl -fs --max-time 10 -o "$dir/answer" -H 'X-Auth-User: test:tester' -H 'X-Auth-Key: testing' "http://127.0.0.1:$proxy/auth/v1.0"
wait_until 'a bucket' "$tools/venv/bin/python" "$here/buckets.py" "http://127.0.0.1:$proxy" test:tester testing make strongroom
ready STORE "s3://strongroom/{}?endpoint=http://127.0.0.1:$proxy&region=us-east-1" \
    ENDPOINT "http://127.0.0.1:$proxy" AWS_ACCESS_KEY_ID test:tester AWS_SECRET_ACCESS_KEY testing
