"""Sections 9.3 and 9.4: tree pages, names, directories and the content of files."""
import struct
from dataclasses import dataclass

from . import cbor
from .cbor import Opt, array, fields, octets, row, sint, u32, uint
from .errors import Unsupported, need
from .objects import reserved

LEAF, INTERIOR, RECIPE = 1, 2, 3
DATA, NAMES, PAGE, ZEROS = 0, 1, 2, 3
FILE, DIRECTORY, SYMLINK, FIFO, SOCKET, CHARACTER, BLOCK, STREAM = range(8)
TYPE_NAMES = ["file", "directory", "symlink", "fifo", "socket", "chardev", "blockdev", "stream"]
MAX_REFERENCES = MAX_ENTRIES = 65_536
MAX_DEPTH, MAX_DIRECTORY_DEPTH = 16, 65_536
NANO = uint(999_999_999)
MAX_LENGTH = (1 << 56) - 1


@dataclass
class Page:
    type: int
    height: int
    references: list  # (id, length, kind)


def parse_page(plain, where):
    need(len(plain) >= 8, f"{where}: too short for a page")
    version, kind, height, zero, count = struct.unpack_from("<BBBBI", plain)
    need(version == 1, f"{where}: page version {version}", Unsupported)
    need(kind in (LEAF, INTERIOR, RECIPE), f"{where}: page type {kind}", Unsupported)
    reserved([zero], where)
    need(count <= MAX_REFERENCES, f"{where}: {count} references")
    need(len(plain) == 8 + 40 * count, f"{where}: length does not fit {count} references")
    references = []
    for i, (blob, packed) in enumerate(struct.iter_unpack("<32sQ", plain[8:])):
        length, ref = packed & (1 << 56) - 1, packed >> 56
        need(ref <= 3, f"{where}: reference kind {ref}", Unsupported)
        need(ref != ZEROS or not any(blob), f"{where}: reference {i} to zeros has an id")
        need((ref == NAMES) == (i == 0 and kind != RECIPE), f"{where}: reference {i} has kind {ref}")
        need(ref != DATA or length <= 16_777_216, f"{where}: reference {i} is longer than a blob may be")
        need(kind != INTERIOR or i == 0 or ref == PAGE, f"{where}: reference {i} of an interior page is not a page")
        references.append((blob, length, ref))
    need(kind == RECIPE or references, f"{where}: no names blob")
    need(height <= MAX_DEPTH, f"{where}: height {height}")
    if kind == LEAF:
        need(height == 0, f"{where}: a leaf of height {height}")
    elif kind == INTERIOR or any(r[2] == PAGE for r in references):
        need(height > 0, f"{where}: height 0 although it refers to pages")
    else:
        need(height == 0, f"{where}: height {height} although it refers to no pages")
    return Page(kind, height, references)


ENTRY = {
    0: octets(), 1: uint(), 2: uint(0o7777), 3: Opt(u32, 0), 4: Opt(u32, 0), 5: sint, 6: Opt(NANO, 0),
    7: Opt(sint), 8: Opt(NANO, 0), 9: Opt(uint(), 0), 10: Opt(uint(MAX_LENGTH), 0), 11: Opt(uint(MAX_REFERENCES, 1)),
    12: Opt(uint(MAX_REFERENCES, 1), 1), 13: Opt(octets(maximum=65_535)), 14: Opt(row(u32, u32)),
    15: Opt(array(row(octets(maximum=4096), octets(maximum=65_536)), order=lambda x: x[0])), 16: Opt(uint()),
    17: Opt(u32, 0), 18: Opt(sint), 19: Opt(NANO, 0), 20: Opt(u32, 0),
}
OWNERS = array(row(u32, octets(maximum=4096)), order=lambda x: x[0])
LEAF_NAMES = {0: uint(1, 1), 1: array(fields(ENTRY), maximum=MAX_ENTRIES, order=lambda e: e[0]),
              2: Opt(OWNERS), 3: Opt(OWNERS), 4: Opt(fields(ENTRY))}
INTERIOR_NAMES = {0: uint(2, 2), 1: array(row(octets(), uint()), order=lambda x: x[0])}


def check_name(name, where):
    need(name and b"/" not in name and b"\0" not in name and name not in (b".", b"..") and len(name) <= 4096,
         f"{where}: name {name!r} is not allowed")


def check_entry(e, page, where, root=False):
    name, kind = e[0], e[1]
    if root:
        need(name == b"" and kind == DIRECTORY and not {10, 11, 12} & e.keys(), f"{where}: not a root's own metadata")
    else:
        check_name(name, where)
    need(kind <= STREAM, f"{where}: type {kind}", Unsupported)
    need((13 in e) == (kind == SYMLINK), f"{where}: target of a symbolic link")
    need((14 in e) == (kind in (CHARACTER, BLOCK)), f"{where}: device number")
    need(8 not in e or 7 in e, f"{where}: nanoseconds without a change time")
    need(19 not in e or 18 in e, f"{where}: nanoseconds without an access time")
    need(sum(len(n) + len(v) for n, v in e.get(15, [])) <= 1_048_576, f"{where}: extended attributes are too large")
    if root:
        return
    references = references_of(e, page, where)
    if kind == DIRECTORY:
        need(len(references) == 1 and references[0][2] == PAGE, f"{where}: a directory refers to one page")
        need(10 not in e, f"{where}: size of a directory")
        return
    need(not references or kind in (FILE, STREAM), f"{where}: a {TYPE_NAMES[kind]} with content")
    if any(r[2] == PAGE for r in references):
        need(len(references) == 1, f"{where}: a recipe beside other references")
    total = sum(r[1] for r in references)
    need(e.get(10, 0) == total, f"{where}: size {e.get(10, 0)}, its references have {total}")


def references_of(e, page, where):
    if 11 not in e:
        need(12 not in e, f"{where}: number of references without the first")
        return []
    first, count = e[11], e.get(12, 1)
    need(first + count <= len(page.references), f"{where}: references beyond the page's")
    return page.references[first:first + count]


class Tree:
    def __init__(self, blobs):
        self.blobs = blobs
        self.read = {LEAF: set(), INTERIOR: set(), RECIPE: set()}  # ids of the pages read so far

    def page(self, page_id, types, where):
        page = parse_page(self.blobs.get(page_id, PAGE), f"page {page_id.hex()}")
        need(page.type in types, f"{where}: page {page_id.hex()} has type {page.type}")
        self.read[page.type].add(page_id)
        return page

    def names(self, page, where, first_of_root):
        blob, length, _ = page.references[0]
        m = cbor.decode(self.blobs.get(blob, NAMES, length), f"{where} names")
        fields(LEAF_NAMES if page.type == LEAF else INTERIOR_NAMES)(m, f"{where} names")
        if page.type == INTERIOR:
            for name, _ in m[1]:
                check_name(name, where)
            need(len(m[1]) == len(page.references) - 1, f"{where}: not one name for each page")
            need(m[1], f"{where}: an interior page without pages")
            return m
        need(4 not in m or first_of_root, f"{where}: root metadata elsewhere than in the first leaf of a root")
        for i, e in enumerate(m[1]):
            check_entry(e, page, f"{where} entry {i}")
        if 4 in m:
            check_entry(m[4], page, f"{where} root", root=True)
        return m

    def leaves(self, page_id, length, where, root=False):
        """(page, names) of each leaf of a directory, in order, all rules of interior pages checked."""
        last, first = None, True
        stack = [(page_id, length, None, None, None)]
        counted = []  # (entries expected, entries seen) of open interior pages
        while stack:
            item = stack.pop()
            if item[0] is None:
                expected, seen = counted.pop()
                need(expected in (None, seen), f"{where}: {seen} entries below a page that says {expected}")
                if counted:
                    counted[-1][1] += seen
                continue
            pid, size, above, first_name, below = item
            page = self.page(pid, (LEAF, INTERIOR), where)
            need(above is None or page.height < above, f"{where}: heights do not decrease at {pid.hex()}")
            m = self.names(page, f"page {pid.hex()}", root and first)
            stack.append((None,))
            counted.append([below, 0])
            total = min(sum(r[1] for r in page.references[1:]), MAX_LENGTH)
            if page.type == INTERIOR:
                need(first_name in (None, m[1][0][0]), f"{where}: first name of page {pid.hex()} is wrong")
                heights = []
                for (child, child_size, _), (name, count) in reversed(list(zip(page.references[1:], m[1]))):
                    heights.append(self.page(child, (LEAF, INTERIOR), where).height)
                    stack.append((child, child_size, page.height, name, count))
                need(page.height == 1 + max(heights), f"{where}: height of page {pid.hex()} is not one more than its highest")
            else:
                first = False
                counted[-1][1] += len(m[1])
                names = [e[0] for e in m[1]]
                need(names or above is None, f"{where}: an empty leaf below an interior page")
                need(first_name is None or names[0] == first_name, f"{where}: first name of page {pid.hex()} is wrong")
                need(last is None or names[0] > last, f"{where}: names are not sorted across pages")
                last = names[-1] if names else None
                yield page, m
            need(size is None or size == total, f"{where}: page {pid.hex()} has {total} bytes below it, said {size}")

    def entries(self, page_id, length, where, root=False):
        for page, m in self.leaves(page_id, length, where, root):
            for e in m[1]:
                yield e, page

    def root_metadata(self, page_id):
        for _, m in self.leaves(page_id, None, "root", root=True):
            return m.get(4)

    def content(self, references, where, above=None, seen=None):
        """The references of a file's content, recipes resolved: (id, length, DATA or ZEROS)."""
        for blob, length, kind in references:
            if kind != PAGE:
                yield blob, length, kind
                continue
            if seen is not None and (blob, length) in seen:
                continue
            page = self.page(blob, (RECIPE,), where)
            need(above is None or page.height < above, f"{where}: heights do not decrease at {blob.hex()}")
            total = sum(r[1] for r in page.references)
            need(total == length, f"{where}: recipe {blob.hex()} has {total} bytes, said {length}")
            children = [self.page(r[0], (RECIPE,), where).height for r in page.references if r[2] == PAGE]
            need(not children or page.height == 1 + max(children),
                 f"{where}: height of recipe {blob.hex()} is not one more than its highest")
            yield from self.content(page.references, where, page.height, seen)
            if seen is not None:
                seen.add((blob, length))


def walk(tree, root_id, skip=None):
    """Depth first, without recursion: ("enter", depth, entry, page) then, for directories, ("leave", depth, entry, None).

    `skip(page id, length)` may keep the walk out of a directory that was seen before."""
    stack = [tree.entries(root_id, None, "root", root=True)]
    open_entries = []
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            if open_entries:
                yield "leave", len(stack) - 1, open_entries.pop(), None
            continue
        e, page = step
        yield "enter", len(stack) - 1, e, page
        if e[1] == DIRECTORY:
            child, length, _ = references_of(e, page, "entry")[0]
            need(len(stack) < MAX_DIRECTORY_DEPTH, "directories nested too deep")
            open_entries.append(e)
            if skip and skip(child, length):
                stack.append(iter(()))
            else:
                stack.append(tree.entries(child, length, f"directory {e[0]!r}"))


