#!/usr/bin/env bash
# An emulator of Google Cloud Storage, in memory. It ignores every condition, and so a store that lies. Bucket: `strongroom`.
set -euo pipefail
# shellcheck source=tools/servers/lib.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/lib.sh"
need curl
need_tools
begin gcs
port=$(free_ports 1)
start gcs "$tools/venv/bin/gcp-storage-emulator" start --host 127.0.0.1 --port "$port" --in-memory
wait_until 'an answer' answers "http://127.0.0.1:$port/"
curl -fsS -o "$dir/answer" -H 'Content-Type: application/json' -d '{"name":"strongroom"}' \
    "http://127.0.0.1:$port/storage/v1/b?project=strongroom"
ready STORE "gs://strongroom/{}?endpoint=http://127.0.0.1:$port" ENDPOINT "http://127.0.0.1:$port"
