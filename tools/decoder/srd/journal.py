"""The journal as a whole, read from its first entry (section 4, steps 5 to 7)."""
from .entries import JournalObjects, open_entry
from .errors import Deviation, Unsupported, need
from .state import State


class Journal:
    """All entries that can be read, in order, and the state they fold into; then the keyring in force is taken up.

    `stopped` says why reading ended before the last entry that is there. `at` maps n to what is called with the state
    after the entries before n."""

    def __init__(self, repository, at=None):
        self.config, self.keys = repository.config, repository.keys
        self.objects = JournalObjects(repository.store, self.config)
        self.entries, self.stopped = [], None
        self.state = State(self.config, self.keys)
        for n in range(self.objects.end):
            try:
                entry = self.objects.read(n)
                need(entry.previous == self.state.head, f"journal/{n:016x}: previous hash is wrong")
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
        need(self.entries, self.stopped or "the journal is empty")
        repository.check_genesis(self.state)
        repository.take_up(self.state)
        self.keys = self.state.keys = repository.keys
