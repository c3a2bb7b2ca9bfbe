"""Everything the document lets a reader check, over a whole repository."""
from . import cbor, crypto, objects, packs, parity, records, tree
from .errors import Deviation, NoKey, need
from .checkpoint import compare_checkpoint, parse_checkpoint
from .entries import DETAILS, MAINTAINER, WRITER
from .journal import Journal
from .objects import LIMITS


class Verifier:
    """Collects deviations in `errors`, and what is allowed but worth saying in `notes`."""

    def __init__(self, repository, use_index=True):
        self.use_index = use_index
        self.r, self.store, self.config, self.keys = repository, repository.store, repository.config, repository.keys
        self.errors, self.notes, self.counts, self.randoms, self.checkpoint_signers = [], [], {}, {}, []
        self.journal = self.blobs = self.state = None
        self.needed = set()  # ids of the blobs that snapshots in force need

    def check(self, step, *arguments):
        """Runs one step; what it finds wrong is kept, and the next step goes on."""
        try:
            return step(*arguments)
        except Deviation as e:
            self.errors.append(f"{type(e).__name__.lower()}: {e}")

    def run(self):
        for name in sorted(self.store.names):
            self.check(self.one_object, name)
        self.check(self.read_journal)
        self.check(self.copies)
        if self.journal:
            self.check(self.keyrings)
            self.check(self.journal_against_objects)
            for name in self.store.of_kind("B"):
                self.check(self.bundle, name)
            for name in self.store.of_kind("P"):
                self.check(self.pack, name)
            self.check(self.trees)
            if self.use_index:
                for name in self.store.of_kind("I"):
                    self.check(self.segment, name)
                self.check(self.coverage)
        return self

    def count(self, what, n=1):
        self.counts[what] = self.counts.get(what, 0) + n

    # Objects, alone

    def one_object(self, name):
        letter = objects.Store.letter(name)
        if not letter:
            self.notes.append(f"{name}: not a name of an object, ignored")
            return
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
            if letter in "CSKJBHYN":
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
        elif letter == "N":
            objects.sealed_map(data, "N", name, objects.BEACON, self.config)
        elif letter == "Y":
            self.parity(parity.parse(data, name), name)

    def parity(self, one, name):
        path = f"pack/{one.pack.hex()[:2]}/{one.pack.hex()}"
        if path in self.store.names:
            parity.check(one, self.store.read(path), name)
            self.count("data shards", one.data)
            self.count("parity shards", len(one.shards))
        else:
            self.notes.append(f"{name}: its pack is not there")

    def copies(self):
        for name in sorted({n.removesuffix(".copy") for n in ["config", *self.store.of_kind("K")]}):
            if name != "config" and int(name[8:], 16) < self.r.keyring.generation:
                continue  # may be half deleted
            need(name in self.store.names and name + ".copy" in self.store.names, f"{name}: one of the two copies is missing")
            need(self.store.read(name) == self.store.read(name + ".copy"), f"{name}: its copy has other bytes")

    def keyrings(self):
        for keyring in self.r.keyrings:
            where = f"keyring/{keyring.generation:016x}"
            self.check(need, keyring.signed_by(self.state.admin), f"{where}: not signed by the admin")
            if keyring.generation > self.r.keyring.generation:
                self.notes.append(f"{where}: never announced")
        for slot, kind, _, _, public, _ in self.keys.bundle[5]:
            name = f"slot/{slot.hex()}"
            _, m = objects.parse_slot(self.store.read(name, LIMITS["S"]), name, self.config)
            need(not m or (m[0], m[1]) == (kind, public), f"{name}: kind or public key differs from the keyring's")

    # The journal

    def read_journal(self):
        checkpoints = {}
        for name in self.store.of_kind("H"):
            n = int(name[-16:], 16)
            checkpoints[n] = lambda state, n=n, name=name: self.check(self.checkpoint, name, n, state)
        journal = Journal(self.r, checkpoints)
        self.journal, self.state, self.keys = journal, journal.state, self.r.keys
        self.check(need, not journal.stopped, journal.stopped)
        for n in checkpoints:
            self.check(need, n <= journal.state.next, f"checkpoint/{n:016x}: beyond the journal")
        for name, signers in self.checkpoint_signers:
            certified = any(journal.state.roles(public) & (WRITER | MAINTAINER) for public in signers)
            self.check(need, certified, f"{name}: no signer is certified as writer or maintainer")

    def checkpoint(self, name, n, state):
        head, m, signers = parse_checkpoint(self.store.read(name), n, name, self.config, self.keys)
        need(head == state.head, f"{name}: hash of entry {n - 1} is wrong")
        if not any(state.roles(public) & (WRITER | MAINTAINER) for public in signers):
            self.checkpoint_signers.append((name, signers))  # perhaps certified later
        compare_checkpoint(m, state, name)

    def journal_against_objects(self):
        for e in self.journal.entries:
            if e.void:
                self.count("void entries")
                self.notes.append(f"journal/{e.number:016x}: void: {e.void}")
            if e.problem and all(e.valid):
                self.errors.append(f"deviation: journal/{e.number:016x}: {e.problem}")
            if e.type == 12 and 1 in e.body and crypto.hash32(e.body[1]) != e.body[0]:
                self.errors.append(f"deviation: journal/{e.number:016x}: the document does not have its hash")
            if e.type == 13 and not e.void and records.is_record(e.body):
                self.check(records.check, e.body[0], e.body[2], f"journal/{e.number:016x} {e.body[0]}")
            if e.type == 13 and not e.void and 3 in e.body:
                self.check(self.evidence, e, f"journal/{e.number:016x}")
            if e.type == 1 and not e.void:
                self.check(self.details, e.body[0], f"journal/{e.number:016x}")
                limits = e.body[0][11]
                if not limits[1] <= limits[2] <= limits[3]:
                    self.errors.append(f"deviation: journal/{e.number:016x}: chunker {limits}")
                if 4 in e.body:
                    n, h = e.body[4]
                    if n - 1 in self.state.bridges:
                        self.notes.append(f"journal/{e.number:016x}: its author had seen entry {n - 1}, which is lost")
                    elif not 1 <= n <= e.number or self.journal.entries[n - 1].hash != h:
                        self.errors.append(f"deviation: journal/{e.number:016x}: entry {n - 1}, before its head {n}, has another hash")
        if self.journal.objects.from_bundle:
            self.notes.append(f"{len(self.journal.objects.from_bundle)} entries were read from bundles")
        if self.journal.objects.from_copy:
            self.notes.append(f"{len(self.journal.objects.from_copy)} entries were read from copies")
        if self.state.bridges:
            self.notes.append(f"{len(self.state.bridges)} entries were lost, and bridges stand in their places")
        if self.state.keyring[0] != self.r.keyring.generation:
            self.notes.append(f"keyring generation {self.state.keyring[0]} is in force, {self.r.keyring.generation} was used in its place")
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

    def evidence(self, entry, where):
        epoch, box = entry.body[3]
        aad = b"evidence" + self.config.repository + entry.aad
        crypto.box_open(self.config.suite, crypto.derive(self.keys.epoch(epoch, where), "evidence"), aad, box, f"{where} evidence")

    def bundle(self, name):
        n = int(name[-16:], 16)
        self.journal.objects.bundle_of(n - 1)
        need(n <= len(self.journal.entries), f"{name}: beyond the journal")
        for i, raw in enumerate(self.journal.objects.bundles[n]):
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
        """Segments in force map every blob that a snapshot in force needs; they may leave out others."""
        index = self.blobs or packs.Blobs(self.r, self.state, use_index=True)
        missing = 0
        for name in self.state.packs:
            pack = index.pack(name)
            for number, frame in enumerate(pack.frames):
                for blob, _, _ in frame.blobs:
                    missing += (name, number) not in index.where_is.get(blob[:20], [])
        if missing:
            self.notes.append(f"{missing} blobs of packs in force are in no index segment in force")
        for blob in sorted(self.needed):
            found = any(blob in index.pack(name).by_id for name, _ in index.where_is.get(blob[:20], []))
            self.check(need, found, f"blob {blob.hex()} is needed by a snapshot, and no segment in force maps it")

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
        for kind, what in ((tree.LEAF, "leaves"), (tree.INTERIOR, "interior pages"), (tree.RECIPE, "recipes")):
            self.counts[what] = len(walker.read[kind])
        self.needed = blobs.opened | data.keys()

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
                same = {k: v for k, v in e.items() if k not in (0, 11, 12)}
                need(links.setdefault(e[16], same) == same, f"{where} {e[0]!r}: differs from the other names of link set {e[16]}")

    @staticmethod
    def data_reference(blobs, blob, length, where):
        """Its frame was opened with its pack; here it only has to be there with that length."""
        for name, number in blobs.where_is.get(blob[:20], []):
            pack = blobs.pack(name)
            if any(f == number and size == length and pack.frames[f].kind == 0 for f, size, _ in pack.by_id.get(blob, [])):
                return
        raise Deviation(f"{where}: blob {blob.hex()} of {length} bytes is in no pack in force")
