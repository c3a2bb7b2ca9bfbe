#!/usr/bin/env bash
# nginx's WebDAV. It ignores conditions on PUT, and so is a store that lies. It asks for no password.
set -euo pipefail
# shellcheck source=tools/servers/lib.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/lib.sh"
need nginx curl
begin nginx
port=$(free_ports 1)
mkdir -p "$dir/root" "$dir/tmp"
cat >"$dir/nginx.conf" <<CONF
load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
user $(id -un); daemon off; worker_processes 1; pid $dir/nginx.own; error_log $dir/error.log;
events {}
http {
 access_log off; client_body_temp_path $dir/tmp; client_max_body_size 0;
 proxy_temp_path $dir/tmp/p; fastcgi_temp_path $dir/tmp/f; uwsgi_temp_path $dir/tmp/u; scgi_temp_path $dir/tmp/s;
 dav_ext_lock_zone zone=locks:10m;
 server {
  listen 127.0.0.1:$port; root $dir/root;
  location / {
   dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK; dav_ext_lock zone=locks;
   create_full_put_path on; dav_access user:rw;
  }
 }
}
CONF
start nginx /usr/sbin/nginx -c "$dir/nginx.conf" -e "$dir/error.log"
wait_until 'an answer' answers "http://127.0.0.1:$port/"
ready STORE "dav://127.0.0.1:$port/{}" ENDPOINT "http://127.0.0.1:$port"
