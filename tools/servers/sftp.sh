#!/usr/bin/env bash
# OpenSSH with SFTP, keys and configuration of its own. The store is below the folder `store` of the server's.
#   READONLY=1 sftp.sh     the server refuses every write
set -euo pipefail
# shellcheck source=tools/servers/lib.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/lib.sh"
need sshd ssh-keygen ssh-keyscan
begin sftp
port=$(free_ports 1)
mkdir -p "$dir/store" /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
ssh-keygen -q -t ed25519 -N '' -f "$dir/id"
cp "$dir/id.pub" "$dir/authorized_keys"
chmod 600 "$dir/authorized_keys"
cat >"$dir/sshd_config" <<CONF
ListenAddress 127.0.0.1:$port
HostKey $dir/host
AuthorizedKeysFile $dir/authorized_keys
PasswordAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
PidFile none
Subsystem sftp internal-sftp ${READONLY:+-R}
MaxSessions 100
MaxStartups 100
CONF
start sshd /usr/sbin/sshd -D -e -f "$dir/sshd_config"
known() { ssh-keyscan -T 5 -p "$port" 127.0.0.1 2>/dev/null >"$dir/known_hosts" && grep -q ed25519 "$dir/known_hosts"; }
wait_until 'a host key' known
user=$(id -un)
ready STORE "sftp://$user@127.0.0.1:$port$dir/store/{}?key=$dir/id&known_hosts=$dir/known_hosts" KEY "$dir/id" KNOWN_HOSTS "$dir/known_hosts"
