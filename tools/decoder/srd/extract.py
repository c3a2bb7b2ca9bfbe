"""Writes the files of a snapshot into a directory. Every step is relative to an open directory, so paths may be longer
than PATH_MAX; going back up opens "..", so depth does not cost file descriptors."""
import fcntl
import os
import secrets
import stat
import struct

from . import tree as t
from .errors import need

GETFLAGS, SETFLAGS = 0x80086601, 0x40086602
FLAGS = {1: 0x10, 2: 0x20, 4: 0x40}  # immutable, append only, no dump


class Extractor:
    def __init__(self, tree, blobs, warn):
        self.tree, self.blobs, self.warn = tree, blobs, warn
        self.root = os.geteuid() == 0
        self.linked = set()
        self.flagged = []

    def run(self, root_page, target):
        os.makedirs(target, exist_ok=True)
        need(not os.listdir(target), f"{target}: not empty")
        here = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
        # Link sets are kept under a name of their own until the end, since their first place may be out of reach by then.
        staging_name = f".links-{secrets.token_hex(8)}"
        os.mkdir(staging_name, 0o700, dir_fd=here)
        self.staging = os.open(staging_name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        top = os.dup(here)
        for step, _, e, page in t.walk(self.tree, root_page):
            if step == "leave":
                up = os.open("..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
                self.metadata(here, None, None, e)
                os.close(here)
                here = up
            elif e[1] == t.DIRECTORY:
                os.mkdir(e[0], 0o700, dir_fd=here)
                down = os.open(e[0], os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
                os.close(here)
                here = down
            else:
                self.entry(here, e, page)
        os.close(here)
        for name in os.listdir(self.staging):
            os.unlink(name, dir_fd=self.staging)
        os.close(self.staging)
        os.rmdir(staging_name, dir_fd=top)
        own = self.tree.root_metadata(root_page)
        if own:
            self.metadata(top, None, None, own)
        os.close(top)
        for fd, bits in self.flagged:
            self.set_flags(fd, bits)
            os.close(fd)

    def entry(self, here, e, page):
        name, kind, link = e[0], e[1], e.get(16)
        if link in self.linked:
            os.link(str(link), name, src_dir_fd=self.staging, dst_dir_fd=here, follow_symlinks=False)
            return
        if kind in (t.FILE, t.STREAM):
            self.file(here, e, page)
        elif kind == t.SYMLINK:
            os.symlink(e[13], name, dir_fd=here)
        elif kind == t.FIFO:
            os.mkfifo(name, 0o600, dir_fd=here)
        elif kind in (t.CHARACTER, t.BLOCK) and self.root:
            node = stat.S_IFCHR if kind == t.CHARACTER else stat.S_IFBLK
            try:
                os.mknod(name, node | 0o600, os.makedev(*e[14]), dir_fd=here)
            except OSError as error:
                self.warn(f"{name!r}: {t.TYPE_NAMES[kind]} not extracted: {error.strerror}")
                return
        else:
            self.warn(f"{name!r}: {t.TYPE_NAMES[kind]} not extracted")
            return
        if kind not in (t.FILE, t.STREAM):
            self.metadata(None, here, name, e)
        if link is not None:
            os.link(name, str(link), src_dir_fd=here, dst_dir_fd=self.staging, follow_symlinks=False)
            self.linked.add(link)

    def file(self, here, e, page):
        fd = os.open(e[0], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=here)
        at = 0
        for blob, length, kind in self.tree.content(t.references_of(e, page, repr(e[0])), repr(e[0])):
            if kind == t.DATA:
                data = memoryview(self.blobs.get(blob, t.DATA, length))
                while data:
                    written = os.pwrite(fd, data, at)
                    data, at = data[written:], at + written
            else:
                at += length
        need(at == e.get(10, 0), f"{e[0]!r}: {at} bytes instead of {e.get(10, 0)}")
        os.ftruncate(fd, at)
        self.metadata(fd, None, None, e)
        os.close(fd)

    def metadata(self, fd, here, name, e):
        """Of an open file or directory, or of `name` in `here` for what cannot be opened."""
        kind = e[1]
        where = {} if fd is not None else {"dir_fd": here}
        what = fd if fd is not None else name
        nofollow = {} if fd is not None else {"follow_symlinks": False}
        if self.root:
            os.chown(what, e.get(3, 0), e.get(4, 0), **where, **nofollow)
        for attribute, value in e.get(15, []):
            try:
                if fd is not None:
                    os.setxattr(fd, attribute, value)
                else:
                    path = b"/proc/self/fd/%d/%s" % (here, name)
                    os.setxattr(path, attribute, value, follow_symlinks=False)
            except OSError as error:
                self.warn(f"{e[0]!r}: extended attribute {attribute!r}: {error.strerror}")
        if kind != t.SYMLINK:
            os.chmod(what, e[2], **where)
        modified = e[5] * 10**9 + e.get(6, 0)
        accessed = e[18] * 10**9 + e.get(19, 0) if 18 in e else modified
        os.utime(what, ns=(accessed, modified), **where, **nofollow)
        if fd is not None and e.get(17, 0) & 7:
            if e[17] & 3:
                if self.root:
                    self.flagged.append((os.dup(fd), e[17]))  # set last: links and times must come before
                else:
                    self.warn(f"{e[0]!r}: flags immutable and append only need root")
            else:
                self.set_flags(fd, e[17])

    def set_flags(self, fd, bits):
        try:
            old = struct.unpack("l", fcntl.ioctl(fd, GETFLAGS, struct.pack("l", 0)))[0]
            new = old | sum(flag for bit, flag in FLAGS.items() if bits & bit)
            fcntl.ioctl(fd, SETFLAGS, struct.pack("l", new))
        except OSError as error:
            self.warn(f"flags {bits:#x}: {error.strerror}")
