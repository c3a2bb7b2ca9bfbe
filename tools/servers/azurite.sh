#!/usr/bin/env bash
# Azurite, Microsoft's emulator of Azure Blob Storage. Container: `strongroom`.
set -euo pipefail
# shellcheck source=tools/servers/lib.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/lib.sh"
need curl node
need_tools
begin azurite
port=$(free_ports 1)
account=devstoreaccount1
# Everybody's: it is in the emulator's documentation.
key=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==
start azurite node "$tools/npm/node_modules/azurite/dist/src/blob/main.js" \
    --blobHost 127.0.0.1 --blobPort "$port" -l "$dir/data" --silent --skipApiVersionCheck --disableTelemetry
wait_until 'an answer' answers "http://127.0.0.1:$port/"
python3 "$here/container.py" "http://127.0.0.1:$port" "$account" "$key" strongroom
ready STORE "az://strongroom/{}?account=$account&endpoint=http://127.0.0.1:$port/$account" \
    ENDPOINT "http://127.0.0.1:$port/$account" AZURE_STORAGE_ACCOUNT "$account" AZURE_STORAGE_KEY "$key"
