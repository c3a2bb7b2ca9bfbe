"""Compares two directory trees entry by entry; compare.sh is its face. Standard library only.

It walks by directory descriptors, so the length and the depth of paths do not matter to it. Compared are: names, kinds, modes,
owners, modification times to the nanosecond, sizes, content, link targets, device numbers, which names are hard links of each other,
extended attributes (access lists and capabilities are among them), inode flags, and room taken up.
"""

import argparse
import errno
import fcntl
import os
import resource
import stat
import struct
import sys

GETFLAGS = 0x80086601
# Immutable, append only, no dump. Others belong to the file system, or change how data is kept rather than what it is.
FLAGS = 0x10 | 0x20 | 0x40
ALLOCATION_TOLERANCE = 64 * 1024
# Where rsync is no longer asked: it stops at PATH_MAX, and in trees that are a few hundred directories deep.
RSYNC_PATH_MAX, RSYNC_DEPTH_MAX = 3000, 100
SHOWN = 50
BLOCK = 1 << 20


class Comparison:
    def __init__(self, options):
        self.limited = options.limited
        self.any_allocation = options.any_allocation
        self.differences = 0
        self.entries = 0
        self.too_long = []
        self.links = ({}, {})
        self.without = set()
        if options.without:
            with open(options.without, "rb") as file:
                self.without = {path for path in file.read().split(b"\0") if path}

    def differs(self, path, what, a=None, b=None):
        self.differences += 1
        if self.differences <= SHOWN:
            shown = path if len(path) <= 300 else path[:140] + b" ... " + path[-140:]
            detail = "" if a is None and b is None else f": {brief(a)} / {brief(b)}"
            print(f"differs: {what}: {shown!r}{detail}", file=sys.stderr)

    def trees(self, a, b):
        # Each frame: descriptors of the two directories, their path, and the names still to be compared.
        self.attributes(b"", os.open(a, os.O_RDONLY), os.open(b, os.O_RDONLY), True)
        stack = [self.enter(b"", os.open(a, os.O_RDONLY | os.O_DIRECTORY), os.open(b, os.O_RDONLY | os.O_DIRECTORY))]
        while stack:
            fd_a, fd_b, path, names = stack[-1]
            if not names:
                os.close(fd_a)
                os.close(fd_b)
                stack.pop()
                continue
            name = names.pop()
            below = path + b"/" + name if path else name
            if below in self.without:
                continue
            opened = self.entry(below, name, fd_a, fd_b)
            if opened:
                stack.append(self.enter(below, *opened))
        self.hard_links()

    def enter(self, path, fd_a, fd_b):
        inside_a, inside_b = set(map(os.fsencode, os.listdir(fd_a))), set(map(os.fsencode, os.listdir(fd_b)))
        for only, where in ((inside_a - inside_b, "only in the first"), (inside_b - inside_a, "only in the second")):
            for name in sorted(only):
                below = path + b"/" + name if path else name
                if below not in self.without:
                    self.differs(below, where)
        beyond = len(path) > RSYNC_PATH_MAX or path.count(b"/") > RSYNC_DEPTH_MAX
        if beyond and not any(path.startswith(known + b"/") for known in self.too_long):
            self.too_long.append(path)
        return fd_a, fd_b, path, sorted(inside_a & inside_b, reverse=True)

    def entry(self, path, name, fd_a, fd_b):
        """Compares one entry. Returns two descriptors when it is a directory on both sides."""
        self.entries += 1
        a = os.stat(name, dir_fd=fd_a, follow_symlinks=False)
        b = os.stat(name, dir_fd=fd_b, follow_symlinks=False)
        if stat.S_IFMT(a.st_mode) != stat.S_IFMT(b.st_mode):
            self.differs(path, "kind", oct(a.st_mode), oct(b.st_mode))
            return None
        self.status(path, a, b)
        for side, status in enumerate((a, b)):
            if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                self.links[side].setdefault((status.st_dev, status.st_ino), []).append(path)
        if stat.S_ISLNK(a.st_mode):
            target_a, target_b = os.readlink(name, dir_fd=fd_a), os.readlink(name, dir_fd=fd_b)
            if target_a != target_b:
                self.differs(path, "link target", target_a, target_b)
        if stat.S_ISREG(a.st_mode) or stat.S_ISDIR(a.st_mode):
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            opened = os.open(name, flags, dir_fd=fd_a), os.open(name, flags, dir_fd=fd_b)
            self.attributes(path, *opened, stat.S_ISDIR(a.st_mode))
            if stat.S_ISDIR(a.st_mode):
                return opened
            if a.st_size == b.st_size:
                self.content(path, *opened)
            self.allocation(path, a, b)
            os.close(opened[0])
            os.close(opened[1])
        elif not self.limited:
            where = [b"/proc/self/fd/%d/" % fd + name for fd in (fd_a, fd_b)]
            if any(map(has_xattrs, where)):
                self.xattrs(path, *where)
        return None

    def status(self, path, a, b):
        directory = stat.S_ISDIR(a.st_mode)
        fields = [("mode", oct(a.st_mode), oct(b.st_mode)), ("modification time", a.st_mtime_ns, b.st_mtime_ns)]
        if not self.limited:
            fields += [("owner", a.st_uid, b.st_uid), ("group", a.st_gid, b.st_gid)]
        if not directory:
            fields += [("size", a.st_size, b.st_size)]
        if stat.S_ISCHR(a.st_mode) or stat.S_ISBLK(a.st_mode):
            fields += [("device number", (os.major(a.st_rdev), os.minor(a.st_rdev)), (os.major(b.st_rdev), os.minor(b.st_rdev)))]
        for what, of_a, of_b in fields:
            if of_a != of_b:
                self.differs(path, what, of_a, of_b)

    def attributes(self, path, fd_a, fd_b, directory):
        if not path:
            self.status(b".", os.fstat(fd_a), os.fstat(fd_b))
        self.xattrs(path or b".", fd_a, fd_b)
        if not self.limited:
            flags_a, flags_b = inode_flags(fd_a), inode_flags(fd_b)
            if flags_a != flags_b:
                self.differs(path or b".", "inode flags", oct(flags_a), oct(flags_b))
        if not path and directory:
            os.close(fd_a)
            os.close(fd_b)

    def xattrs(self, path, a, b):
        all_a, all_b = self.read_xattrs(a), self.read_xattrs(b)
        if all_a != all_b:
            changed = {name for name in all_a.keys() | all_b.keys() if all_a.get(name) != all_b.get(name)}
            for name in sorted(changed):
                self.differs(path, f"attribute {name!r}", all_a.get(name), all_b.get(name))

    def read_xattrs(self, where):
        follow = {} if isinstance(where, int) else {"follow_symlinks": False}
        found = {os.fsencode(name): os.getxattr(where, name, **follow) for name in os.listxattr(where, **follow)}
        if self.limited:
            found = {name: value for name, value in found.items() if name.startswith((b"user.", b"system."))}
        return found

    def content(self, path, fd_a, fd_b):
        offset = 0
        while True:
            a, b = os.pread(fd_a, BLOCK, offset), os.pread(fd_b, BLOCK, offset)
            if a != b:
                first = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
                self.differs(path, f"content from byte {offset + first}")
                return
            if not a:
                return
            offset += len(a)

    def allocation(self, path, a, b):
        room_a, room_b = a.st_blocks * 512, b.st_blocks * 512
        if not self.any_allocation and abs(room_a - room_b) > ALLOCATION_TOLERANCE:
            self.differs(path, "bytes allocated", room_a, room_b)

    def hard_links(self):
        groups = [{tuple(sorted(paths)) for paths in side.values() if len(paths) > 1} for side in self.links]
        for group in sorted(groups[0] ^ groups[1]):
            where = "first" if group in groups[0] else "second"
            self.differs(group[0], f"hard links, as in the {where} only, with", len(group), group[1:4])


def has_xattrs(path):
    return bool(os.listxattr(path, follow_symlinks=False))


def inode_flags(fd):
    try:
        return struct.unpack("l", fcntl.ioctl(fd, GETFLAGS, struct.pack("l", 0)))[0] & FLAGS
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EOPNOTSUPP):
            return 0
        raise


def brief(value):
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]}... ({len(text)} characters)"


def rsync_pattern(path):
    """A path as an anchored pattern: a backslash escapes only where there is a wildcard."""
    if any(char in path for char in b"*?["):
        path = b"".join(b"\\" + bytes([c]) if c in b"*?[\\" else bytes([c]) for c in path)
    return b"/" + path + b"\0"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("a", type=os.fsencode)
    parser.add_argument("b", type=os.fsencode)
    parser.add_argument("--without")
    parser.add_argument("--limited", action="store_true")
    parser.add_argument("--any-allocation", action="store_true")
    parser.add_argument("--too-long", help="where to write an exclude list for rsync")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    comparison = Comparison(options)
    comparison.trees(options.a, options.b)
    if options.too_long:
        with open(options.too_long, "wb") as file:
            file.writelines(rsync_pattern(path) for path in [*comparison.too_long, *sorted(comparison.without)])
    if comparison.differences:
        print(f"compared {comparison.entries} entries: {comparison.differences} differences", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
