#!/usr/bin/env python3
"""Reads a Strongroom repository in a plain directory, by docs/format.md alone. See README.md."""
import argparse
import json
import os
import sys
from datetime import datetime, timezone

from srd import records, tree
from srd.errors import Deviation
from srd.extract import Extractor
from srd.entries import snapshot_id
from srd.journal import Journal
from srd.objects import EPOCH_STATES, Credentials
from srd.opening import Repository
from srd.packs import Blobs
from srd.verify import Verifier


def show_time(value):
    seconds, nanoseconds = value
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + f".{nanoseconds:09}Z"
    except (OverflowError, ValueError, OSError):
        return f"{seconds}.{nanoseconds:09}"


def show_name(name):
    return name.decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii") if not (
        name.isascii() and name.decode("ascii").isprintable()) else name.decode("ascii")


def info(repository, journal, options):
    state, c = journal.state, repository.config
    print(f"repository   {c.repository.hex()}")
    print(f"suite        {c.suite}, created {show_time(c.map[6])}")
    features = [sorted({*c.map[3 + i], *state.features[i]}) for i in range(3)]
    print(f"features     readers {features[0]}, writers {features[1]}, maintenance {features[2]}")
    print(f"genesis      {state.genesis.hex()}, admin {state.admin.hex()}")
    print(f"keyring      generation {repository.keyring.generation}, announced {state.keyring[0]}")
    for number, kind, condition, _ in repository.keys.bundle[2]:
        print(f"epoch        {number}: kind {kind}, {EPOCH_STATES[condition]}")
    for slot, kind, label, added, _, role in repository.keys.bundle[5]:
        print(f"slot         {slot.hex()}: kind {kind}, role {role}, {label!r}, added {show_time(added)}")
    for roles, public, label, after in state.certificates.values():
        print(f"certificate  {public.hex()}: roles {roles}, {label!r}, not after {after or 'none'}")
    print(f"journal      {state.next} entries, {sum(bool(e.void) for e in journal.entries)} void, head {state.head.hex()}")
    print(f"in force     {len(state.packs)} packs, {len(state.segments)} segments, {len(state.snapshots)} snapshots, "
          f"{len(state.holds)} holds")
    print(f"sessions     {len(state.sessions)} open; condemned {len(state.condemned)}, damaged {len(state.damaged)}, "
          f"dropped {len(state.dropped)}")


def show_journal(repository, journal, options):
    for e in journal.entries:
        line = {"number": e.number, "type": e.name if e.payload else None, "void": bool(e.void), "reason": e.void,
                "time": show_time(e.payload[1]) if e.payload else None, "hash": e.hash.hex(),
                "signatures": [{"key": k.hex(), "valid": v} for (k, _), v in zip(e.signatures, e.valid)]}
        if e.type == 13 and records.is_record(e.body):
            try:
                records.check(e.body[0], e.body[2], f"entry {e.number}")
                line["record"] = records.describe(e.body[0], e.body[2])
            except Deviation as error:
                line["record"] = str(error)
        if options.json:
            print(json.dumps(line, default=repr))
        else:
            valid = f"{sum(e.valid)}/{len(e.valid)} signatures"
            print(f"{e.number:6} {line['type'] or '?':<10} {line['time'] or '?':<30} {valid} {line['hash']}"
                  + (f" VOID: {e.void}" if e.void else ""))


def snapshots(repository, journal, options):
    for sid, (n, s) in sorted(journal.state.snapshots.items(), key=lambda x: x[1][0]):
        outcome = ["complete", "partial"][s[7]]
        print(f"{sid.hex()} entry {n} {show_time(s[1])} {outcome} series {s[4]!r} tags {s.get(5, [])} "
              f"labels {s.get(6, {})} files {s[8][0]} bytes {s[8][3]} root {s[3].hex()}")


def find_snapshot(journal, wanted):
    state = journal.state
    if wanted == "latest" and state.snapshots:
        return max(state.snapshots.values(), key=lambda s: s[0])[1]
    found = [s for sid, (_, s) in state.snapshots.items() if sid.hex().startswith(wanted.lower())]
    if len(found) != 1:
        raise Deviation(f"{len(found)} snapshots in force begin with {wanted!r}")
    assert snapshot_id(journal.keys, found[0]) in state.snapshots
    return found[0]


def ls(repository, journal, options):
    snapshot = find_snapshot(journal, options.snapshot)
    walker = tree.Tree(Blobs(repository, journal.state, not options.without_index))
    path = []
    for step, _, e, _ in tree.walk(walker, snapshot[3]):
        if step == "leave":
            path.pop()
            continue
        path.append(e[0])
        extra = f" -> {show_name(e[13])}" if 13 in e else ""
        print(f"{tree.TYPE_NAMES[e[1]]:<9} {e[2]:04o} {e.get(3, 0):>5} {e.get(4, 0):>5} {e.get(10, 0):>12} "
              f"{show_time([e[5], e.get(6, 0)])} /{show_name(b'/'.join(path))}{extra}")
        if e[1] != tree.DIRECTORY:
            path.pop()


def extract(repository, journal, options):
    snapshot = find_snapshot(journal, options.snapshot)
    blobs = Blobs(repository, journal.state, not options.without_index)
    Extractor(tree.Tree(blobs), blobs, lambda m: print(f"warning: {m}", file=sys.stderr)).run(snapshot[3], options.directory)


def extract_all(repository, journal, options):
    """Each snapshot in force into a folder that has its id as name."""
    blobs = Blobs(repository, journal.state, not options.without_index)
    for sid, (_, snapshot) in journal.state.snapshots.items():
        target = os.path.join(options.directory, sid.hex())
        Extractor(tree.Tree(blobs), blobs, lambda m: print(f"warning: {m}", file=sys.stderr)).run(snapshot[3], target)


def verify(repository, options):
    v = Verifier(repository, not options.without_index).run()
    for note in v.notes:
        print(f"note: {note}")
    print(", ".join(f"{n} {what}" for what, n in sorted(v.counts.items())))
    for error in v.errors:
        print(f"error: {error}", file=sys.stderr)
    print("no deviation found" if not v.errors else f"{len(v.errors)} deviations")
    return 1 if v.errors else 0


def passphrase_in(file):
    with open(file, "rb") as f:
        data = f.read()
    return data[:-1].removesuffix(b"\r") if data.endswith(b"\n") else data


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository")
    parser.add_argument("--password-file", help="passphrase; one line end at its end is not part of it")
    parser.add_argument("--recovery-code")
    parser.add_argument("--recipient-key", help="file with the 64 hexadecimal digits of a private X25519 key")
    parser.add_argument("--pin-genesis", metavar="HEX", type=bytes.fromhex, help="hash that entry 0 must have; required with --recipient-key")
    parser.add_argument("--without-index", action="store_true", help="find blobs by the headers of all packs, read no index segment")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("info", "snapshots", "verify"):
        commands.add_parser(name)
    commands.add_parser("journal").add_argument("--json", action="store_true")
    commands.add_parser("ls").add_argument("snapshot")
    command = commands.add_parser("extract")
    command.add_argument("snapshot")
    command.add_argument("directory")
    commands.add_parser("extract-all").add_argument("directory")
    options = parser.parse_args(arguments)
    credentials = Credentials(recovery=options.recovery_code, pin=options.pin_genesis)
    if options.password_file:
        credentials.passphrase = passphrase_in(options.password_file)
    if options.recipient_key:
        with open(options.recipient_key) as f:
            credentials.recipient = bytes.fromhex(f.read().strip())
    try:
        repository = Repository(options.repository)
        repository.unlock(credentials)
        if options.command == "verify":
            return verify(repository, options)
        journal = Journal(repository)
        {"info": info, "journal": show_journal, "snapshots": snapshots, "ls": ls, "extract": extract,
         "extract-all": extract_all}[options.command](repository, journal, options)
    except Deviation as e:
        print(f"error: {type(e).__name__.lower()}: {e}", file=sys.stderr)
        return 1
    if journal.stopped:
        print(f"error: {journal.stopped}", file=sys.stderr)
    return 1 if journal.stopped else 0


if __name__ == "__main__":
    sys.exit(main())
