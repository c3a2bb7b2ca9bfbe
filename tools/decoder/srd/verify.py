"""Everything the document lets a reader check, over a whole repository."""
from . import cbor, crypto, objects, packs, tree
from .errors import Deviation, NoKey, need
from .journal import DETAILS, Journal, compare_checkpoint, parse_checkpoint
from .objects import LIMITS


class Verifier:
    """Collects deviations in `errors`, and what is allowed but worth saying in `notes`."""

    def __init__(self, repository):
        self.r, self.store, self.config, self.keys = repository, repository.store, repository.config, repository.keys
        self.errors, self.notes, self.counts, self.randoms = [], [], {}, {}
        self.journal = self.blobs = self.state = None

    def check(self, step, *arguments):
        """Runs one step; what it finds wrong is kept, and the next step goes on."""
        try:
            return step(*arguments)
        except Deviation as e:
            self.errors.append(f"{type(e).__name__.lower()}: {e}")

    def run(self):
        for name in sorted(self.store.names):
            self.check(self.one_object, name)
        self.check(self.copies)
        self.check(self.read_journal)
        if self.journal:
            self.check(self.journal_against_objects)
            for name in self.store.of_kind("B"):
                self.check(self.bundle, name)
            for name in self.store.of_kind("P"):
                self.check(self.pack, name)
            for name in self.store.of_kind("I"):
                self.check(self.segment, name)
            self.check(self.coverage)
            self.check(self.trees)
        return self

    def count(self, what, n=1):
        self.counts[what] = self.counts.get(what, 0) + n

    # Objects, alone

    def one_object(self, name):
        letter = objects.Store.letter(name)
        need(letter, f"{name}: not a name of an object")
        self.count({"C": "config", "S": "slots", "K": "keyrings", "J": "entries", "B": "bundles", "H": "checkpoints",
                    "P": "packs", "I": "segments", "Y": "parities", "N": "beacons"}[letter])
        number = int(name.split("/")[1][:16], 16) if letter in "KJBH" else 0
        if letter == "P":
            h = crypto.blake3()
            with self.store.open(name) as f:
                head = f.read(64)
                h.update(head)
                while block := f.read(1 << 20):
                    h.update(block)
            need(h.hexdigest() == name[-64:], f"{name}: bytes do not have the hash in the name")
            data = head
        else:
            data = self.store.read(name, LIMITS.get(letter, objects.OBJECT_LIMIT))
            need(letter != "I" or crypto.hash32(data).hex() == name[-64:], f"{name}: bytes do not have the hash in the name")
            if letter in "CSKJBH":
                objects.whole(data, name)
        p = objects.preamble(data, letter, name, self.config, number)
        if not name.endswith(".copy"):
            other = self.randoms.setdefault(p.random, name)
            need(other == name, f"{name}: random bytes of its preamble are those of {other}")
        if p.minor:
            self.notes.append(f"{name}: minor version {p.minor}")
        if letter == "C":
            objects.parse_config(data, name)
        elif letter == "S":
            objects.parse_slot(data, name, self.config)
        elif letter == "K":
            objects.parse_keyring(data, name, self.config)
        elif letter in "YN":
            self.notes.append(f"{name}: only the preamble was checked")

    def copies(self):
        for name in ["config"] + [n for n in self.store.of_kind("K") if not n.endswith(".copy")]:
            need(name in self.store.names and name + ".copy" in self.store.names, f"{name}: one of the two copies is missing")
            need(self.store.read(name) == self.store.read(name + ".copy"), f"{name}: its copy has other bytes")
        for name in self.store.of_kind("K"):
            need(name.removesuffix(".copy") in self.store.names, f"{name}: a copy without its original")
        slots = {slot: public for slot, _, _, _, public, _ in self.keys.bundle.get(5, [])}
        granted = {(slot, role) for slot, role, _, _ in self.r.keyring[2]}
        for slot, role in sorted(granted):
            name = f"slot/{slot.hex()}"
            _, m = objects.parse_slot(self.store.read(name, LIMITS["S"]), name, self.config)
            need(slots.get(slot, m[1]) == m[1], f"{name}: public key differs from the keyring's")
        listed = {(slot, role) for slot, _, _, _, _, role in self.keys.bundle.get(5, [])}
        need(5 not in self.keys.bundle or listed == granted, "keyring: its list of slots differs from its grants")

    # The journal

    def read_journal(self):
        checkpoints = {}
        for name in self.store.of_kind("H"):
            n = int(name[-16:], 16)
            checkpoints[n] = lambda state, n=n, name=name: self.check(self.checkpoint, name, n, state)
        journal = Journal(self.r, checkpoints)
        for n in checkpoints:
            need(n <= journal.state.next, f"checkpoint/{n:016x}: beyond the journal")
        self.journal, self.state = journal, journal.state

    def checkpoint(self, name, n, state):
        head, m, signers = parse_checkpoint(self.store.read(name), n, name, self.config, self.keys)
        need(head == state.head, f"{name}: hash of entry {n - 1} is wrong")
        need(any(state.roles(public) for public in signers), f"{name}: no signer is certified")
        compare_checkpoint(m, state, name)

    def journal_against_objects(self):
        for e in self.journal.entries:
            if e.void:
                self.count("void entries")
                self.notes.append(f"journal/{e.number:016x}: void: {e.void}")
            if e.problem and all(e.valid):
                self.errors.append(f"deviation: journal/{e.number:016x}: {e.problem}")
            if e.type == 9 and (0 in e.body) != (1 in e.body):
                self.errors.append(f"deviation: journal/{e.number:016x}: a keyring generation without its hash, or the reverse")
            if e.type == 12 and 1 in e.body and crypto.hash32(e.body[1]) != e.body[0]:
                self.errors.append(f"deviation: journal/{e.number:016x}: the document does not have its hash")
            if e.type == 1 and not e.void:
                self.check(self.details, e.body[0], f"journal/{e.number:016x}")
                limits = e.body[0][11]
                if not limits[1] <= limits[2] <= limits[3]:
                    self.errors.append(f"deviation: journal/{e.number:016x}: chunker {limits}")
                if 4 in e.body:
                    n, h = e.body[4]
                    if n >= e.number or self.journal.entries[n].hash != h:
                        self.errors.append(f"deviation: journal/{e.number:016x}: head {n} is not that entry")
        if len(self.journal.from_bundle):
            self.notes.append(f"{len(self.journal.from_bundle)} entries were read from bundles")
        generation, announced = self.state.keyring
        if announced != bytes(32):
            raw, _ = self.r.read_keyring(generation)
            need(crypto.hash32(raw) == announced, f"keyring/{generation:016x}: not the one that Keys announced")
        if generation != self.r.generation:
            self.notes.append(f"keyring generation {self.r.generation} was opened, {generation} is announced")
        for name, (length, _) in self.state.packs.items():
            path = f"pack/{name.hex()[:2]}/{name.hex()}"
            if self.store.names.get(path) != length:
                self.errors.append(f"deviation: {path}: {self.store.names.get(path)} bytes, the journal says {length}")
        for name, (length, _) in self.state.segments.items():
            path = f"index/{name.hex()}"
            if self.store.names.get(path) != length:
                self.errors.append(f"deviation: {path}: {self.store.names.get(path)} bytes, the journal says {length}")

    def details(self, snapshot, where):
        if 9 in snapshot:
            epoch, box = snapshot[9]
            key = crypto.derive(self.keys.epoch(epoch, where), "details")
            aad = b"details" + self.config.repository + snapshot[0]
            plain = crypto.box_open(self.config.suite, key, aad, box, f"{where} details")
            cbor.fields(DETAILS)(cbor.decode(plain, f"{where} details"), f"{where} details")

    def bundle(self, name):
        n = int(name[-16:], 16)
        self.journal.bundle_of(n - 1)
        need(n <= len(self.journal.entries), f"{name}: beyond the journal")
        for i, raw in enumerate(self.journal.bundles[n]):
            entry = self.journal.entries[n - 64 + i]
            need(raw == entry.raw, f"{name}: entry {entry.number} differs from the journal's")

    # Packs and index segments

    def pack(self, name):
        key = bytes.fromhex(name[-64:])
        pack = packs.Pack(self.store, key, self.config, self.keys)
        if key in self.state.packs:
            need(pack.kind_class == self.state.packs[key][1], f"{name}: class differs from the journal's")
        else:
            self.notes.append(f"{name}: not in force")
        damaged = self.state.damaged.get(key)
        for i, frame in enumerate(pack.frames):
            try:
                pack.check_frame(i)
                self.count("frames")
                self.count("blobs", len(frame.blobs))
            except NoKey as e:
                self.errors.append(str(e))
            except Deviation as e:
                if damaged is None or (damaged and i not in damaged):
                    self.errors.append(f"deviation: {e}")
                else:
                    self.notes.append(f"{e} (known as damaged)")

    def segment(self, name):
        key = bytes.fromhex(name[-64:])
        segment = packs.parse_segment(self.store.read(name), name, self.config, self.keys)
        if key in self.state.segments:
            need(self.state.segments[key][1] == len(segment.entries) // 24, f"{name}: the journal has another number of entries")
        else:
            self.notes.append(f"{name}: not in force")
        frames = []
        opened = packs.Blobs(self.r, self.state, use_index=True) if self.blobs is None else self.blobs
        self.blobs = opened
        for pack, length, h, l, kind in segment.packs:
            path = f"pack/{pack.hex()[:2]}/{pack.hex()}"
            if path not in self.store.names:
                need(pack not in self.state.packs, f"{path}: missing")
                need(key not in self.state.segments or pack in self.state.dropped,
                     f"{name}: in force, but pack {pack.hex()} never was")
                self.notes.append(f"{name}: refers to pack {pack.hex()}, which is not there")
                continue
            p = opened.pack(pack)
            need((p.size, p.header_offset, p.header_length, p.kind_class) == (length, h, l, kind),
                 f"{name}: row of pack {pack.hex()} differs from the pack")
        for row, (pack, offset, stored, position) in enumerate(segment.frames):
            pack = segment.packs[pack][0]
            if f"pack/{pack.hex()[:2]}/{pack.hex()}" not in self.store.names:
                frames.append(None)
                continue
            p = opened.pack(pack)
            need(position < len(p.frames), f"{name}: frame row {row} refers to frame {position} of {len(p.frames)}")
            f = p.frames[position]
            need((f.offset, f.stored) == (offset, stored), f"{name}: frame row {row} differs from the pack's header")
            frames.append({blob[:20] for blob, _, _ in f.blobs})
        for blob, row in segment.rows():
            need(frames[row] is None or blob in frames[row], f"{name}: {blob.hex()} is not in frame row {row}")

    def coverage(self):
        missing = 0
        for name in self.state.packs:
            pack = self.blobs_or_headers().pack(name)
            for number, frame in enumerate(pack.frames):
                for blob, _, _ in frame.blobs:
                    missing += (name, number) not in self.blobs_or_headers().where_is.get(blob[:20], [])
        if missing:
            self.notes.append(f"{missing} blobs of packs in force are in no index segment in force")

    def blobs_or_headers(self):
        if self.blobs is None:
            self.blobs = packs.Blobs(self.r, self.state, use_index=True)
        return self.blobs

    # Trees

    def trees(self):
        blobs = packs.Blobs(self.r, self.state, use_index=False)
        walker, directories, recipes, data = tree.Tree(blobs), set(), set(), {}

        def seen(page, length):
            if (page, length) in directories:
                return True
            directories.add((page, length))
            return False
        for sid, (n, snapshot) in self.state.snapshots.items():
            self.count("snapshots")
            self.check(self.one_tree, walker, snapshot, seen, recipes, data, f"snapshot {sid.hex()}")
        self.counts["directories"] = len(directories)

    def one_tree(self, walker, snapshot, seen, recipes, data, where):
        links = {}
        for step, _, e, page in tree.walk(walker, snapshot[3], seen):
            if step == "leave" or e[1] == tree.DIRECTORY:
                continue
            for blob, length, kind in walker.content(tree.references_of(e, page, where), f"{where} {e[0]!r}", seen=recipes):
                if kind == tree.DATA and data.get(blob) != length:
                    self.data_reference(walker.blobs, blob, length, f"{where} {e[0]!r}")
                    data[blob] = length
            if 16 in e:
                same = {k: v for k, v in e.items() if k not in (0, 11, 16)}
                need(links.setdefault(e[16], same) == same, f"{where} {e[0]!r}: differs from the other names of link set {e[16]}")

    @staticmethod
    def data_reference(blobs, blob, length, where):
        """Its frame was opened with its pack; here it only has to be there with that length."""
        for name, number in blobs.where_is.get(blob[:20], []):
            pack = blobs.pack(name)
            if any(f == number and size == length and pack.frames[f].kind == 0 for f, size, _ in pack.by_id.get(blob, [])):
                return
        raise Deviation(f"{where}: blob {blob.hex()} of {length} bytes is in no pack in force")
