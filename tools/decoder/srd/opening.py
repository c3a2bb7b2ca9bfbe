"""Section 4: how a repository is opened, from the credential to the keyring in force."""
from . import crypto
from .entries import JournalObjects, open_entry
from .errors import Deviation, Missing, NoKey, NotWhole, need
from .objects import LIMITS, Store, open_bundle, open_slot, parse_keyring, parse_slot, read_config, whole
from .state import State


def copies_of(generation):
    return f"keyring/{generation:016x}", f"keyring/{generation:016x}.copy"


class Repository:
    """A repository whose config has been read; `unlock` opens a slot and the highest keyring that counts for it."""

    def __init__(self, root):
        self.store = Store(root)
        self.config = read_config(self.store)
        self.unread = []    # what is wrong with keyrings that cannot be read
        self.keyrings = [k for g in reversed(self.store.numbers("K")) for k in self.whole_keyrings(g)]
        need(self.keyrings, "; ".join(["no keyring is whole", *self.unread]))
        self.ignored = []   # why keyrings do not count
        self.slot = self.admin = self.pin = self.keyring = self.keys = None

    def whole_keyrings(self, generation):
        """The keyring of a generation, from its two objects; two when they are whole and differ.

        One that cannot be understood does not count, like one that is not whole."""
        out = []
        for name in copies_of(generation):
            try:
                keyring = parse_keyring(self.store.read(name, LIMITS["K"]), name, self.config)
            except Deviation as e:
                self.unread.append(str(e))
                continue
            if not out or out[0].raw != keyring.raw:
                out.append(keyring)
        return out

    # Steps 3 and 4

    def unlock(self, credentials):
        self.pin = credentials.pin
        if self.config.suite == 0:
            self.take_highest()
            return
        problems = []
        for slot_id in self.slots():
            name = f"slot/{slot_id.hex()}"
            try:
                _, m = parse_slot(self.store.read(name, LIMITS["S"]), name, self.config)
                opened = m and open_slot(slot_id, m, self.config, credentials, name)
                if not opened:
                    continue
                self.slot, (self.private, self.admin) = slot_id, opened
                need(self.admin or self.pin, f"{name}: a slot of its kind proves nothing about the admin: a pinned Genesis is required")
                self.take_highest()
                return
            except Deviation as e:
                problems.append(str(e))
        raise NoKey("; ".join(["no slot opens with the credentials given", *problems]))

    def slots(self):
        """Ids of the slots: those that the highest generations name first."""
        granted = [grant[0] for keyring in self.keyrings for grant in keyring.grants]
        return list(dict.fromkeys(granted + [bytes.fromhex(name[5:]) for name in self.store.of_kind("S")]))

    def take_highest(self):
        self.ignored = []
        for keyring in self.keyrings:
            where = f"keyring/{keyring.generation:016x}"
            if self.config.suite and not keyring.grant(self.slot):
                continue
            try:
                self.keys = self.counting(keyring, where)
            except Deviation as e:
                self.ignored.append(str(e))
                continue
            self.keyring = keyring
            return
        raise NoKey("; ".join(["no keyring counts that grants the slot anything", *self.ignored]))

    def counting(self, keyring, where):
        """The keys of a keyring that grants the slot something, if it is rightly signed."""
        if self.admin:
            need(keyring.signed_by(self.admin), f"{where}: not signed by the admin")
            return self.open_keyring(keyring, where)
        keys = self.open_keyring(keyring, where)
        genesis = JournalObjects(self.store, self.config).read(0)
        need(genesis.hash == keys.genesis, f"{where}: names another Genesis than entry 0")
        need(self.pin in (None, genesis.hash), f"{where}: entry 0 is not the Genesis that is pinned")
        open_entry(genesis, "journal/0000000000000000", self.config, keys)
        state = State(self.config, keys)
        state.apply(genesis)
        need(keyring.signed_by(state.admin), f"{where}: not signed by the admin of Genesis")
        return keys

    def open_keyring(self, keyring, where):
        if self.config.suite == 0:
            key = crypto.derive_key("strongroom v1 suite 0", self.config.repository)
        else:
            enc, ct = keyring.grant(self.slot)
            info = (b"strongroom v1 grant" + self.config.repository + keyring.generation.to_bytes(8, "little") + b"\0" + self.slot)
            try:
                key = crypto.hpke_open(self.private, enc, info, b"", ct)
            except Deviation as e:
                raise Deviation(f"{where}: grant to slot {self.slot.hex()}: {e}") from None
        return open_bundle(self.config, keyring, key, where)

    # Steps 6 and 7

    def check_genesis(self, state):
        need(self.keys.genesis == state.genesis, "entry 0 is not the Genesis that the keyring names")
        need(self.pin in (None, state.genesis), f"entry 0 has hash {state.genesis.hex()}, another one is pinned")
        need(self.admin in (None, state.admin), "Genesis names another admin than the slot")
        self.admin = state.admin

    def take_up(self, state):
        """Goes over to the keyring that the journal says is in force."""
        generation, announced = state.keyring
        where = f"keyring/{generation:016x}"
        if announced != bytes(32):
            for name in copies_of(generation):
                try:
                    raw = self.store.read(name, LIMITS["K"])
                    whole(raw, name)
                except (NotWhole, Missing):
                    continue
                need(crypto.hash32(raw) == announced, f"{name}: whole, but not the one that Keys announced")
        found = [k for k in self.whole_keyrings(generation) if k.signed_by(self.admin)]
        if not found:
            need(self.keyring.generation > generation, f"{where}: in force, but missing, not whole or not signed by the admin")
            return
        keyring = found[0]
        if keyring.raw == self.keyring.raw:
            return
        need(self.config.suite == 0 or keyring.grant(self.slot), f"{where}: in force, and grants the slot nothing: it was revoked", NoKey)
        keys = self.open_keyring(keyring, where)
        need((keys.id, keys.struct, keys.genesis) == (self.keys.id, self.keys.struct, self.keys.genesis),
             f"{where}: other keys than in generation {self.keyring.generation}")
        self.keyring, self.keys = keyring, keys
