"""The journal as a whole, read from its first entry (section 4, steps 5 to 7)."""
from .entries import BRIDGE, Entry, JournalObjects, open_entry
from .errors import Deviation, Unsupported, need
from .state import State


class Journal:
    """All entries that can be read, in order, and the state they fold into; then the keyring in force is taken up.

    `stopped` says why reading ended before the last entry that is there. `at` maps n to what is called with the state
    after the entries before n."""

    def __init__(self, repository, at=None):
        self.config, self.keys = repository.config, repository.keys
        self.objects = JournalObjects(repository.store, self.config)
        wanted = {0: self.keys.genesis}
        # Section 8.8: where a Bridge that a later one names is not what was taken, everything is read anew. The first round finds
        # out what to take, in the second the state counts.
        while True:
            self.fold(wanted, None)
            missed = {n: h for n, h in {**self.state.confirmed, **self.beside}.items() if wanted.get(n) != h and self.taken(n) != h}
            if not missed:
                break
            wanted.update(missed)
        self.fold(wanted, at)
        for n, h in self.state.confirmed.items():
            need(self.taken(n) == h, f"journal/{n:016x}: not the Bridge that a later one names")
        need(self.entries, self.stopped or "the journal is empty")
        repository.check_genesis(self.state)
        repository.take_up(self.state)
        self.keys = self.state.keys = repository.keys

    def taken(self, n):
        return self.entries[n].hash if n < len(self.entries) else None

    def fold(self, wanted, at):
        self.objects.from_bundle.clear()
        self.objects.from_copy.clear()
        self.entries, self.stopped, self.beside = [], None, {}
        self.state = State(self.config, self.keys)
        for n in range(self.objects.end):
            try:
                entry = self.objects.read(n, wanted.get(n))
                if entry.previous != self.state.expected:
                    entry = self.look_around(n, entry)
                need(entry.previous == self.state.expected, f"journal/{n:016x}: previous hash is wrong")
            except Unsupported:
                raise
            except Deviation as e:
                self.stopped = f"the journal ends before entry {n}: {e}"
                break
            open_entry(entry, f"journal/{n:016x}", self.config, self.keys)
            self.state.apply(entry)
            self.entries.append(entry)
            if at and n + 1 in at:
                at[n + 1](self.state)

    def look_around(self, n, entry):
        """Another entry n that does follow, if one of its places has it; and whether entry n follows a Bridge in a place of entry n-1."""
        for _, found in self.objects.places(n):
            if isinstance(found, Entry) and found.previous == self.state.expected:
                return found
        for _, found in self.objects.places(n - 1) if n else ():
            if isinstance(found, Entry) and found.hash != self.taken(n - 1):
                open_entry(found, f"journal/{n - 1:016x}", self.config, self.keys)
                if found.type == BRIDGE and entry.previous in (found.hash, found.body.get(0)):
                    self.beside[n - 1] = found.hash
        return entry
