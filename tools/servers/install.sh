#!/usr/bin/env bash
# Installs the servers that the step `stores` starts: Debian packages for the machine, and Python and Node packages into a folder.
#   install.sh DIR         afterwards: export STRONGROOM_SERVERS=DIR
# As root on Debian 12. What is there already is left alone. Prints what versions there are.
set -euo pipefail
folder=${1:?usage: install.sh DIR}

missing=()
while read -r file package; do
    [ -e "$file" ] || missing+=("$package")
done <<'LIST'
/usr/bin/ceph-mon ceph-mon
/usr/bin/ceph-osd ceph-osd
/usr/bin/radosgw radosgw
/usr/bin/ceph ceph-common
/usr/sbin/sshd openssh-server
/usr/lib/openssh/sftp-server openssh-sftp-server
/usr/bin/ssh openssh-client
/usr/sbin/apache2 apache2-bin
/usr/sbin/nginx nginx-light
/usr/lib/nginx/modules/ngx_http_dav_ext_module.so libnginx-mod-http-dav-ext
/usr/bin/swift-proxy-server swift-proxy
/usr/bin/swift-account-server swift-account
/usr/bin/swift-container-server swift-container
/usr/bin/swift-object-server swift-object
/usr/bin/memcached memcached
/usr/bin/faketime faketime
/usr/bin/openssl openssl
/usr/bin/curl curl
LIST
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
    log=$(mktemp)
    if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        echo "install.sh: apt-get failed for: ${missing[*]}" >&2
        exit 1
    fi
    rm -f "$log"
fi

mkdir -p "$folder"
if [ ! -x "$folder/venv/bin/gcp-storage-emulator" ] || [ ! -x "$folder/venv/bin/moto_server" ]; then
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[server,s3]==5.2.5' boto3 'gcp-storage-emulator==2026.7.19'
fi
# 3.36 and later need Node 22.
if [ ! -e "$folder/npm/node_modules/azurite/dist/src/blob/main.js" ]; then
    mkdir -p "$folder/npm"
    echo '{}' >"$folder/npm/package.json"
    (cd "$folder/npm" && npm install --silent --no-audit --no-fund azurite@3.35.0)
fi

version() { dpkg-query -W -f '${Version}' "$1"; }
echo "Ceph $(version radosgw), OpenSSH $(version openssh-server), Apache $(version apache2-bin), nginx $(version nginx-light), Swift $(version swift-proxy)"
"$folder/venv/bin/pip" list --format=freeze 2>/dev/null | grep -E '^(moto|boto3|gcp-storage-emulator)==' | tr '\n' ' '
echo "azurite==$(node -p "require('$folder/npm/node_modules/azurite/package.json').version") node $(node --version)"
