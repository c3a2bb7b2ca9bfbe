#!/usr/bin/env bash
# A long link on one machine: a network namespace whose way out has a limited rate (tc tbf, both directions), and behind it a proxy that delays.
#   link.sh --to HOST:PORT [--rate 200mbit] [--round-trip 50]
# Prints one line when it is ready, and runs until it is told to end. Then
#   ip netns exec "$NAMESPACE" COMMAND…       runs a client at the far end, where the server is ENDPOINT
#   kill -USR1 "$PROXY"                       writes what the proxy counted so far to COUNTS
# As root. The reading side of a link is not simulated further: no loss, no slow start beyond the local one.
set -euo pipefail
# shellcheck source=tools/servers/lib.sh
source "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/lib.sh"

rate=200mbit
round_trip=50
to=
while [ $# -gt 0 ]; do
    case $1 in
        --to) to=$2 ;;
        --rate) rate=$2 ;;
        --round-trip) round_trip=$2 ;;
        *) fail "what is $1?" ;;
    esac
    shift 2
done
[ -n "$to" ] || fail '--to says where the server is'
need ip tc python3
begin link
# Names of interfaces are short, and several links may be there at once: the last bytes of the process id decide.
number=$(($$ % 16000))
name=link$number
net=10.$((100 + number / 4096)).$((number / 16 % 256))
low=$((number % 16 * 4))
unlink() { ip netns del "$name" 2>/dev/null || true; finish; }
trap unlink EXIT
ip netns add "$name"
ip link add "out$number" type veth peer name "in$number" netns "$name"
ip addr add "$net.$((low + 1))/30" dev "out$number"
ip link set "out$number" up
ip -n "$name" addr add "$net.$((low + 2))/30" dev "in$number"
ip -n "$name" link set "in$number" up
ip -n "$name" link set lo up
tc qdisc add dev "out$number" root tbf rate "$rate" burst 256kb latency 100ms
tc -n "$name" qdisc add dev "in$number" root tbf rate "$rate" burst 256kb latency 100ms
start proxy python3 "$here/proxy.py" --to "$to" --listen "$net.$((low + 1))" --round-trip "$round_trip" --counts "$dir/counts.json"
wait_until 'the proxy' grep -q PORT "$dir/proxy.log"
eval "$(grep PORT "$dir/proxy.log")"
ready ENDPOINT "http://$net.$((low + 1)):$PORT" NAMESPACE "$name" PROXY "$(cat "$dir/proxy.pid")" COUNTS "$dir/counts.json"
