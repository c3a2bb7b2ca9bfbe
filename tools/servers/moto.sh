#!/usr/bin/env bash
# moto, a second dialect of S3, in memory. It checks no signature. Buckets: `strongroom`, and `strongroom-lock` with object lock.
set -euo pipefail
# shellcheck source=tools/servers/lib.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/lib.sh"
need curl
need_tools
begin moto
port=$(free_ports 1)
start moto "$tools/venv/bin/moto_server" -H 127.0.0.1 -p "$port"
wait_until 'an answer' answers "http://127.0.0.1:$port/"
buckets() { "$tools/venv/bin/python" "$here/buckets.py" "http://127.0.0.1:$port" test test-secret "$@"; }
buckets make strongroom
buckets make-locked strongroom-lock
ready STORE "s3://strongroom/{}?endpoint=http://127.0.0.1:$port&region=us-east-1" \
    LOCKED "s3://strongroom-lock/{}?endpoint=http://127.0.0.1:$port&region=us-east-1&lock=true" \
    ENDPOINT "http://127.0.0.1:$port" AWS_ACCESS_KEY_ID test AWS_SECRET_ACCESS_KEY test-secret
