"""Sections 8.2 and 8.4: which entries have effect, and the state they fold into."""
from dataclasses import replace

from .entries import ADMIN, TYPES, snapshot_id
from .errors import Unsupported, need


class State:
    """Section 8.4: what is in force after the entries applied so far."""

    def __init__(self, config, keys):
        self.config, self.keys = config, keys
        self.next, self.head = 0, config.hash
        self.packs, self.segments, self.snapshots = {}, {}, {}
        self.dropped, self.dead, self.committed, self.sessions = set(), set(), set(), {}
        self.certificates, self.admin, self.genesis = {}, None, None  # certificates by (public key, roles)
        self.keyring, self.epochs = (0, bytes(32)), {}
        self.features = [set(), set(), set()]  # those of Feature entries, without config's
        self.holds, self.damaged, self.condemned, self.policy = {}, {}, set(), None
        self.single, self.only_writer = False, None
        self.bridges, self.confirmed = {}, {}  # number: (hash, previous hash of the next entry); number: hash
        self.read_only = None  # number of the first entry that forbids writing to those who do not know its type

    # Who may do what

    def roles(self, public):
        roles = 0
        for key, granted in self.certificates:
            roles |= granted if key == public else 0
        return roles

    def held(self, snapshot, series):
        return any(snapshot in hold[2] or (not hold[2] and hold.get(3) == series) for hold in self.holds.values())

    # What makes an entry void

    def void_reason(self, e):
        if not e.valid or not all(e.valid):
            return "a signature does not verify" if e.valid else "no signature of a known algorithm"
        signers = [public for public, _ in e.signatures]
        if isinstance(e.problem, Unsupported) and any(map(self.roles, signers)):
            raise e.problem
        if e.problem:
            return f"payload cannot be read: {e.problem}"
        if e.number == 0:
            if e.type != 0:
                return "entry 0 is not Genesis"
            return None if e.body[0] in signers else "Genesis is not signed by the admin it names"
        if e.type == 0:
            return "a second Genesis"
        wanted = TYPES[e.type][1] if e.type in TYPES else ~0
        if not any(self.roles(public) & wanted for public in signers):
            return "no signer is certified for a role the type needs"
        if self.single and wanted != ADMIN and self.only_writer not in signers:
            return "signer is not the only writer"
        return self.void_body(e)

    def void_body(self, e):
        b, t = e.body, e.type
        if t == 14 and not self.single:
            return "a Takeover outside single-writer mode"
        if t in (1, 2):
            if b[3 if t == 1 else 0] in self.dead:
                return "its session was abandoned or dropped"
        drops = {6: lambda: set(b[0][0]) | set(b[0][1]), 7: lambda: set(b[0])}.get(t, set)()
        for name in self.adds(e):
            if name in self.dropped or name in drops:
                return f"adds {name.hex()}, which was dropped"
        if t == 4:
            for sid in b[0]:
                if sid not in self.snapshots:
                    return f"snapshot {sid.hex()} is not in force"
                if self.held(sid, self.snapshots[sid][1][4]):
                    return f"snapshot {sid.hex()} is held"
        return None

    @staticmethod
    def adds(e):
        b = e.body
        lists = {1: lambda: b[1] + b[2], 2: lambda: b[1] + b[2], 6: lambda: b[1][0] + b[1][1], 7: lambda: b[1]}
        return [x[0] for x in lists.get(e.type, list)()]

    # The fold

    @property
    def expected(self):
        """The previous hash that the next entry has to state."""
        return self.bridges[self.next - 1][1] if self.next - 1 in self.bridges else self.head

    def apply(self, e):
        where = f"journal/{e.number:016x}"
        need(e.number == self.next, f"{where}: not the next entry")
        need(e.previous == self.expected, f"{where}: previous hash is wrong")
        self.next, self.head = e.number + 1, e.hash
        e.void = self.void_reason(e)
        if e.number == 0:
            need(not e.void, f"{where}: Genesis has no effect: {e.void}")
        if e.void:
            return
        if e.type in TYPES:
            getattr(self, "_" + e.name.lower())(e, e.body)
        elif e.payload.get(3) and self.read_only is None:
            self.read_only = e.number

    def add(self, packs, segments):
        for name, length, kind in packs:
            self.packs.setdefault(name, (length, kind))
        for name, length, entries in segments:
            self.segments.setdefault(name, (length, entries))

    def drop(self, packs, segments):
        for name in list(packs) + list(segments):
            self.dropped.add(name)
        for name in packs:
            self.packs.pop(name, None)
            self.damaged.pop(name, None)
            self.condemned.discard(name)
        for name in segments:
            self.segments.pop(name, None)

    def end(self, sessions):
        for session in sessions:
            self.dead.add(session)
            self.committed.discard(session)
            self.sessions.pop(session, None)

    def certify(self, certificates):
        self.certificates.update({(c[1], c[0]): c for c in certificates})

    def _genesis(self, e, b):
        self.genesis, self.admin = e.hash, b[0]
        need(b[1] == self.config.hash, "Genesis: hash of config is not that of the config object")
        self.certify([[ADMIN, b[0], "", 0], *b[2]])
        self.single, self.only_writer = b.get(3) == 1, b.get(4)

    def _commit(self, e, b):
        self.add(b[1], b[2])
        self.snapshots.setdefault(snapshot_id(self.keys, b[0]), (e.number, b[0]))
        self.committed.add(b[3])
        self.sessions.pop(b[3], None)

    def _packs(self, e, b):
        self.add(b[1], b[2])
        if b[0] not in self.committed:
            names = self.sessions.setdefault(b[0], [])
            names += [p[0] for p in b[1] if p[0] not in names]

    def _abandon(self, e, b):
        self.end(b[0])

    def _forget(self, e, b):
        for sid in b[0]:
            self.snapshots.pop(sid, None)

    def _condemn(self, e, b):
        self.condemned |= self.packs.keys() & set(b[0])

    def _tombstone(self, e, b):
        self.drop(b[0][0], b[0][1])
        self.end(b[0][2])
        self.add(b[1][0], b[1][1])

    def _index(self, e, b):
        self.drop([], b[0])
        self.add([], b[1])

    def _damaged(self, e, b):
        for name, frames in b[0]:
            old = self.damaged.get(name)
            self.damaged[name] = [] if not frames or old == [] else sorted(set(old or []) | set(frames))

    def _keys(self, e, b):
        if 0 in b:
            self.keyring = (b[0], b[1])
        ended = set(b.get(3, []))
        self.certificates = {key: c for key, c in self.certificates.items() if key[0] not in ended}
        self.certify(b.get(2, []))
        self.epochs.update({epoch: state for epoch, state in b.get(4, [])})

    def _feature(self, e, b):
        need(not b[0], f"journal/{e.number:016x}: unknown features {b[0]}", Unsupported)
        for i in range(3):
            self.features[i] |= set(b[i]) - set(self.config.map[3 + i])

    def _hold(self, e, b):
        if b[0]:
            self.holds[b[1]] = b
        else:
            self.holds.pop(b[1], None)

    def _policy(self, e, b):
        self.policy = (e.number, b[0])

    def _evidence(self, e, b):
        pass

    def _takeover(self, e, b):
        self.only_writer = b[0]

    def _bridge(self, e, b):
        for kind, body in b.get(1, []):
            effect = replace(e, payload={0: kind, 1: e.payload[1], 2: body})
            if not self.void_body(effect):
                getattr(self, "_" + effect.name.lower())(effect, body)
        if b.get(2):
            self.confirmed.update({n: h for n, h in b[2]})
        else:
            self.bridges[e.number] = (e.hash, b.get(0, e.hash))
