#!/bin/sh
# Fails if a runtime or the client of a cloud has leaked into a crate that does without.
#
# Who embeds the engine with a store of his own compiles none of them. The facade has them by its features `object-store` and
# `opendal` alone, which are off by default.
set -eu
cd "$(dirname "$0")/.."

clean="chunk crypt store retain format repo verify fs sim policy ledger"
foreign='tokio|tokio-[a-z-]*|hyper|hyper-[a-z-]*|reqwest|object_store|opendal|opendal-[a-z-]*|rustls|rustls-[a-z-]*|openssl|openssl-sys|aws-lc-[a-z]*|native-tls'
failed=0

look() {
    found=$(cargo tree --locked --edges normal --prefix none "$@" | sed 's/ .*//' | sort -u | grep -Ex "$foreign" || true)
    if [ -n "$found" ]; then
        echo "cargo tree $*: must not depend on: $(echo "$found" | tr '\n' ' ')" >&2
        failed=1
    fi
}

for crate in $clean; do
    look --package "strongroom-$crate" --all-features
done
look --package strongroom

# No second C library for cryptography, whoever asks for clients of clouds.
found=$(cargo tree --locked --edges normal --prefix none --package strongroom --all-features | sed 's/ .*//' | sort -u \
    | grep -Ex 'aws-lc-[a-z]*|openssl|openssl-sys|native-tls' || true)
if [ -n "$found" ]; then
    echo "strongroom with all features: must not depend on: $(echo "$found" | tr '\n' ' ')" >&2
    failed=1
fi
[ "$failed" -eq 0 ] && echo "no runtime and no cloud where they do not belong"
exit "$failed"
