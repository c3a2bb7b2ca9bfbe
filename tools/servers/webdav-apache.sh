#!/usr/bin/env bash
# Apache's WebDAV, which honours conditions. User `strongroom`, password `strongroom-dav`.
#   ANYBODY=1 webdav-apache.sh     asks for no password
set -euo pipefail
# shellcheck source=tools/servers/lib.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/lib.sh"
need apache2 curl openssl
begin apache
port=$(free_ports 1)
modules=/usr/lib/apache2/modules
mkdir -p "$dir/root" "$dir/locks"
if [ "$(id -u)" -eq 0 ]; then chown www-data "$dir/root" "$dir/locks"; fi
echo "strongroom:$(openssl passwd -apr1 strongroom-dav)" >"$dir/users"
asks="AuthType Basic
 AuthName strongroom
 AuthUserFile $dir/users
 Require valid-user"
[ -z "${ANYBODY:-}" ] || asks='Require all granted'
cat >"$dir/apache.conf" <<CONF
ServerName localhost
Listen 127.0.0.1:$port
PidFile $dir/apache.own
ErrorLog $dir/error.log
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authn_core_module $modules/mod_authn_core.so
LoadModule authn_file_module $modules/mod_authn_file.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule authz_user_module $modules/mod_authz_user.so
LoadModule auth_basic_module $modules/mod_auth_basic.so
LoadModule dav_module $modules/mod_dav.so
LoadModule dav_fs_module $modules/mod_dav_fs.so
User www-data
Group www-data
DavLockDB $dir/locks/db
DocumentRoot $dir/root
KeepAliveTimeout 60
<Directory $dir/root>
 Dav On
 $asks
</Directory>
CONF
start apache /usr/sbin/apache2 -X -f "$dir/apache.conf"
wait_until 'an answer' answers "http://127.0.0.1:$port/"
ready STORE "dav://127.0.0.1:$port/{}" ENDPOINT "http://127.0.0.1:$port" STRONGROOM_DAV_USER strongroom STRONGROOM_DAV_PASSWORD strongroom-dav
