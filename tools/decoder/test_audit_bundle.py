"""The published audit bundle, read by the program that was written from its document."""
import os
import unittest

import audit_bundle
from srd.errors import Deviation

VECTOR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "testdata", "ledger", "bundle.audit")


class AuditBundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(VECTOR, "rb") as f:
            cls.data = f.read()
        found, _, _ = audit_bundle.sections(cls.data)
        cls.policy = audit_bundle.Policy(found["trust", ""].decode())
        cls.audited = audit_bundle.head(found["audited", ""])[1:]

    def refused(self, data, known=()):
        with self.assertRaises((Deviation, ValueError)) as caught:
            audit_bundle.verify(data, self.policy, known)
        return str(caught.exception)

    def test_says_who_said_what(self):
        report = audit_bundle.verify(self.data, self.policy, [self.audited], complete=True)
        self.assertEqual(report.size, 7)
        self.assertEqual(report.witnesses, {"peer": 1_800_000_000})
        standings = [standing for _, _, standing, _ in report.entries]
        self.assertEqual(standings, ["in force"] * 5 + ["void", "in force"])
        self.assertEqual(report.entries[4][3], b"Ada Lovelace")

    def test_every_byte_counts(self):
        for place in range(0, len(self.data), 3):
            changed = bytearray(self.data)
            changed[place] ^= 1 << place % 8
            self.refused(bytes(changed))
        for length in range(0, len(self.data), 97):
            self.refused(self.data[:length])

    def test_a_fork_is_a_fork(self):
        size, _ = self.audited
        self.assertIn("two histories", self.refused(self.data, [(size, bytes(32))]))
        self.assertIn("went back", self.refused(self.data, [(8, bytes(32))]))


if __name__ == "__main__":
    unittest.main()
