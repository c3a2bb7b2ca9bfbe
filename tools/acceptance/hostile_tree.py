"""Builds and removes the hostile tree; hostile-tree.sh is its face. Standard library only.

Everything is made relative to directory descriptors, because many of its paths are longer than PATH_MAX.
The content is the same on every machine: it comes from seeded generators.
"""

import fcntl
import os
import random
import resource
import stat
import struct
import subprocess
import sys
import time

KIB = 1024
MIB = 1024 * KIB
NANOSECONDS = 1_000_000_000
GETFLAGS, SETFLAGS = 0x80086601, 0x40086602
IMMUTABLE, APPEND_ONLY, NO_DUMP = 0x10, 0x20, 0x40
ROOT = os.geteuid() == 0

left_out = []


def skip(what, why):
    left_out.append(f"left out: {what}: {why}")


def attempt(what, action, *args, **kwargs):
    """Runs an action that this machine or user may refuse; a refusal is listed."""
    try:
        action(*args, **kwargs)
        return True
    except (OSError, subprocess.CalledProcessError) as error:
        skip(what, getattr(error, "strerror", None) or error)
        return False


class Dir:
    """An open directory."""

    def __init__(self, fd):
        self.fd = fd

    def make(self, name, mode=0o755):
        os.mkdir(name, 0o755, dir_fd=self.fd)
        if mode != 0o755:
            os.chmod(name, mode, dir_fd=self.fd)
        return self.open(name)

    def open(self, name):
        return Dir(os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self.fd))

    def file(self, name, content=b"", mode=0o644):
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=self.fd)
        with os.fdopen(fd, "wb", buffering=0) as file:
            view = memoryview(content)
            while view:
                view = view[file.write(view):]
            os.fchmod(file.fileno(), mode)

    def symlink(self, target, name):
        os.symlink(target, name, dir_fd=self.fd)

    def link(self, other, name, where=None):
        os.link(other, name, src_dir_fd=self.fd, dst_dir_fd=(where or self).fd, follow_symlinks=False)

    def short_path(self, name):
        """A path for calls and tools that take no descriptor; short however deep the directory is."""
        return b"/proc/%d/fd/%d/" % (os.getpid(), self.fd) + name

    def set_flags(self, name, flags):
        fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW, dir_fd=self.fd)
        try:
            fcntl.ioctl(fd, SETFLAGS, struct.pack("l", get_flags(fd) | flags))
        finally:
            os.close(fd)


def get_flags(fd):
    return struct.unpack("l", fcntl.ioctl(fd, GETFLAGS, struct.pack("l", 0)))[0]


def noise(seed, length):
    return random.Random(seed).randbytes(length)


def prose(seed, length):
    """Text that compresses about as source code does."""
    chance = random.Random(seed)
    words = [bytes(chance.choices(b"abcdefghijklmnopqrstuvwxyz_", k=chance.randint(2, 9))) for _ in range(400)]
    out = bytearray()
    while len(out) < length:
        out += b" ".join(chance.choices(words, k=10)) + b";\n"
    return bytes(out[:length])


def names(root):
    here = root.make(b"names")
    for byte in range(1, 256):
        if byte not in (ord("/"), ord(".")):
            here.file(bytes([byte]), b"one byte: %d\n" % byte)
    for name in [
        b"new\nline", b"\n", b"ends in newline\n", b"carriage\rreturn", b"tab\tname", b"\x1b[31mred\x1b[0m", b"bell\x07 del\x7f",
        b"-", b"--", b"-rf", b"--help", b"--delete", b"-e sh", b" leading", b"trailing ", b"  ", b"...", b".hidden", b"..x", b"x..",
        b"*", b"?", b"[a-z]", b"[!a]", b"{a,b}", b"\\", b"a\\b", b"\\n", b"\\012", b"a\\*b", b"**", b"~", b"~root", b"$HOME", b"`id`", b"$(id)", b";",
        b"&", b"|", b"'", b'"', b"#x#", b"!x", b"%s%n", b"a:b", b"host:path", b"C:", b"CON", b"nul", b"=", b"@",
        b"\xff", b"\xff\xfe\xfd", b"\xc0\xaf", b"\xed\xa0\x80", b"half \xc3", b"latin1 \xe9", "é composed".encode(), "e\u0301 composed".encode(),
        "\u202eright to left".encode(), "\ufeffbom".encode(), "\u200b".encode(), "日本語".encode(), "😀".encode(),
        b"n" * 255, b"\xff" * 255, ("é" * 127).encode() + b"x", b"*" * 255, b"\n" * 255, b" " * 255,
    ]:
        if not os.path.lexists(here.short_path(name)):
            here.file(name, b"name of %d bytes\n" % len(name))
    for name in [b"dir\nline", b"dir \xff\xfe", b"-d", b"[dir]", b"d" * 255, b"\xfe" * 255]:
        here.make(name).file(b"in " + name[:100], name)
    order = root.make(b"names-in-order")
    for name in [b"a", b"a.", b"a-", b"a0", b"A", b"aa", b"a b", b"a\x01"]:
        order.make(name).file(b"x", name)


def deep(root):
    wide = here = root.make(b"deep")
    for level in range(40):
        here = here.make(b"%03d-" % level + b"w" * 246)
        here.file(b"file", b"at wide level %d\n" % level)
    here.file(b"f" * 255, b"below 10,000 bytes of path\n")
    here.symlink(b"file", b"link")
    here = wide.make(b"narrow")
    for level in range(2600):
        below = here.make(b"d")
        os.close(here.fd)
        here = below
    here.file(b"bottom", b"2,600 levels down\n")


def crowd(root, entries):
    here = root.make(b"crowded")
    for number in range(entries):
        here.file(b"entry-%06d" % number, b"%d\n" % number if number % 3 else b"")


def empties(root):
    here = root.make(b"empty")
    here.file(b"file")
    here.make(b"directory")
    here.make(b"nested").make(b"nested").make(b"nested")
    here.file(b"second file")


def times(root):
    here = root.make(b"times")
    stamps = {
        b"1969": (-1, 999_999_999), b"1970": (0, 0), b"1970 and one": (0, 1), b"1905": (-2_051_222_400, 5), b"2038": (2_147_483_648, 123_456_789),
        b"2106": (4_294_967_296, 1), b"2200": (7_258_118_400, 999_999_999), b"2400": (13_569_465_600, 500_000_000), b"nanoseconds": (1_234_567_890, 987_654_321),
    }
    for name, (seconds, nanoseconds) in stamps.items():
        stamp = seconds * NANOSECONDS + nanoseconds
        here.file(name, name)
        here.symlink(name, name + b" link")
        here.make(name + b" directory").file(b"x")
        os.mkfifo(name + b" fifo", dir_fd=here.fd)
        for kind in (b"", b" link", b" directory", b" fifo"):
            os.utime(name + kind, ns=(stamp, stamp), dir_fd=here.fd, follow_symlinks=False)
        got = os.stat(name, dir_fd=here.fd).st_mtime_ns
        if got != stamp:
            skip(f"time stamp of {name.decode()}", f"this file system stored {got} instead of {stamp} ns")


def modes(root):
    here = root.make(b"modes")
    for mode in [0o000, 0o001, 0o111, 0o222, 0o400, 0o444, 0o644, 0o777, 0o4755, 0o2755, 0o6755, 0o1644, 0o7777, 0o4000]:
        here.file(b"file %04o" % mode, b"mode %04o\n" % mode, mode)
    for mode in [0o000, 0o111, 0o333, 0o555, 0o700, 0o1777, 0o2775, 0o7777]:
        inner = here.make(b"directory %04o" % mode)
        inner.file(b"inside", b"of %04o\n" % mode)
        inner.make(b"below").file(b"inside", b"below %04o\n" % mode)
        os.fchmod(inner.fd, mode)


def owners(root):
    here = root.make(b"owners")
    if not ROOT:
        skip("foreign and unknown owners", "not root")
        return
    for uid, gid in [(1, 1), (65534, 65534), (123_456, 654_321), (4_294_967_294, 4_294_967_294), (0, 99_999)]:
        name = b"%d-%d" % (uid, gid)
        here.file(name, name)
        here.symlink(name, name + b" link")
        here.make(name + b" directory").file(b"x")
        os.mkfifo(name + b" fifo", dir_fd=here.fd)
        for kind in (b"", b" link", b" directory", b" fifo"):
            os.chown(name + kind, uid, gid, dir_fd=here.fd, follow_symlinks=False)
        os.chmod(name, 0o6711, dir_fd=here.fd)


def symlinks(root):
    here = root.make(b"symlinks")
    here.make(b"directory").file(b"file", b"x")
    for target, name in [
        (b"self", b"self"), (b"pong", b"ping"), (b"ping", b"pong"), (b".", b"dot"), (b"..", b"up"), (b"../symlinks", b"loop"),
        (b"nowhere", b"dangling"), (b"/nowhere/at/all", b"dangling absolute"), (b"/etc/passwd", b"absolute"), (b"/", b"slash"),
        (b"../../../../../../../../etc", b"escaping"), (b"directory", b"to directory"), (b"directory/", b"trailing slash"), (b"directory/file", b"to file"),
        (b"x" * 4095, b"long"), (b"/".join([b"directory/.."] * 310), b"long and valid"), (b"new\nline \xff\xfe", b"strange"), (b"-rf", b"-dash"), (b"*", b"star"),
        (b"/proc/self/fd/0", b"magic"), (b"/dev/zero", b"zero"), (b" ", b"space"),
    ]:
        attempt(f"symbolic link {name!r} of {len(target)} bytes", here.symlink, target, name)
    ring = here.make(b"ring")
    for number in range(50):
        ring.symlink(b"%d" % ((number + 1) % 50), b"%d" % number)


def hard_links(root):
    here = root.make(b"hard-links")
    near, far = here.make(b"near"), here.make(b"far").make(b"farther")
    for count in (2, 3, 40):
        near.file(b"group %d" % count, b"has %d names\n" % count * 50)
        for number in range(1, count):
            near.link(b"group %d" % count, b"group %d name %d" % (count, number), (near, far, here)[number % 3])
    near.file(b"large", noise("hard link", 3 * MIB))
    near.link(b"large", b"a large one", far)
    near.file(b"empty")
    near.link(b"empty", b"also empty", far)
    near.symlink(b"group 2", b"link")
    os.mkfifo(b"fifo", dir_fd=near.fd)
    os.mknod(b"socket", stat.S_IFSOCK | 0o600, dir_fd=near.fd)
    for name in (b"link", b"fifo", b"socket"):
        attempt(f"hard link of a {name.decode()}", near.link, name, b"second " + name, far)
    near.file(b"odd mode", b"set-uid, two names\n")
    near.link(b"odd mode", b"odd mode too", far)
    os.chmod(b"odd mode", 0o4511, dir_fd=near.fd)
    here.file(b"one name only", b"has no other\n")
    outside = here.make(b"same content")
    outside.file(b"a", b"identical, not linked\n")
    outside.file(b"b", b"identical, not linked\n")


def sparse(root):
    here = root.make(b"sparse")
    data = noise("sparse", 128 * KIB)
    layouts = {
        b"hole only": (4 * MIB, []), b"hole at start": (4 * MIB, [4 * MIB - 128 * KIB]), b"hole at end": (4 * MIB, [0]),
        b"hole in the middle": (4 * MIB, [0, 4 * MIB - 128 * KIB]), b"many holes": (32 * MIB, list(range(0, 32 * MIB, 512 * KIB))),
        b"odd length": (5_000_001, [1 * MIB]), b"one GiB": (1024 * MIB, [0, 512 * MIB, 1024 * MIB - 128 * KIB]), b"only hole of one byte": (1, []),
        b"holes of one page": (2 * MIB, []),
    }
    for name, (length, starts) in layouts.items():
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=here.fd)
        os.ftruncate(fd, length)
        for start in starts:
            os.pwrite(fd, data, start)
        if name == b"holes of one page":
            for page in range(0, 2 * MIB, 8 * KIB):
                os.pwrite(fd, data[:4 * KIB], page)
        os.close(fd)
    here.file(b"zeros, written", bytes(4 * MIB))
    here.file(b"zeros and data, written", bytes(1 * MIB) + data + bytes(1 * MIB))


def special(root):
    here = root.make(b"special")
    os.mkfifo(b"fifo", 0o600, dir_fd=here.fd)
    os.mknod(b"socket", stat.S_IFSOCK | 0o640, dir_fd=here.fd)
    if not ROOT:
        skip("devices", "not root")
        return
    for name, kind, major, minor in [
        (b"null", stat.S_IFCHR, 1, 3), (b"block", stat.S_IFBLK, 7, 200), (b"large minor", stat.S_IFCHR, 240, 1_048_575), (b"large major", stat.S_IFBLK, 4095, 5),
        (b"whiteout", stat.S_IFCHR, 0, 0),
    ]:
        attempt(f"device {name.decode()}", os.mknod, name, kind | 0o640, os.makedev(major, minor), dir_fd=here.fd)


def attributes(root):
    here = root.make(b"attributes")
    def give(name, attribute, value):
        os.setxattr(here.short_path(name), attribute, value, follow_symlinks=False)

    here.file(b"simple", b"x")
    subprocess.run(["setfattr", "-n", "user.simple", "-v", "value", here.short_path(b"simple")], check=True)
    here.file(b"strange", b"x")
    for attribute, value in [(b"user.empty", b""), (b"user.binary", bytes(range(256))), (b"user.\xff\xfe name", b"\n"), (b"user.new\nline", b"x"), (b"user." + b"n" * 250, b"long name")]:
        attempt(f"attribute {attribute[:20]!r}", give, b"strange", attribute, value)
    here.file(b"many", b"x")
    for number in range(60):
        if not attempt(f"attribute {number} of 60", give, b"many", b"user.number-%d" % number, b"v%d" % number):
            break
    here.file(b"large", b"x")
    for size in (60 * KIB, 16 * KIB, 3900, 1000):
        if attempt(f"attribute of {size} bytes", give, b"large", b"user.large", noise("attribute", size)):
            break
    here.make(b"directory")
    give(b"directory", b"user.on directory", b"x")
    for number in range(200):
        here.file(b"shared %03d" % number)
        give(b"shared %03d" % number, b"user.shared", b"the same value for many files")
    here.file(b"locked", b"x")
    give(b"locked", b"user.locked", b"x")
    os.chmod(b"locked", 0o400, dir_fd=here.fd)
    if ROOT:
        here.symlink(b"nowhere", b"link")
        os.mkfifo(b"fifo", dir_fd=here.fd)
        os.mknod(b"device", stat.S_IFCHR | 0o600, os.makedev(1, 3), dir_fd=here.fd)
        for name in (b"simple", b"directory", b"link", b"fifo", b"device"):
            attempt(f"trusted attribute on {name.decode()}", give, name, b"trusted.secret", name)
        here.file(b"capable", b"#!/bin/true\n", 0o755)
        subprocess.run(["setcap", "cap_net_raw,cap_net_bind_service+ep", here.short_path(b"capable")], check=True)
        here.file(b"capable and owned", b"#!/bin/true\n", 0o755)
        os.chown(b"capable and owned", 1234, 1234, dir_fd=here.fd)
        subprocess.run(["setcap", "cap_setuid+ei", here.short_path(b"capable and owned")], check=True)
    else:
        skip("trusted attributes and file capabilities", "not root")


def access_lists(root):
    here = root.make(b"access-lists")
    def acl(name, *what):
        subprocess.run(["setfacl", *what, here.short_path(name)], check=True)

    here.file(b"named user", b"x", 0o640)
    acl(b"named user", "-m", "u:123456:rw,g:654321:r,m::rw")
    here.file(b"masked", b"x", 0o600)
    acl(b"masked", "-m", "u:1:rwx,m::---")
    here.make(b"default")
    acl(b"default", "-m", "d:u:4242:rwx,d:g:4243:r-x,d:o::---,u:4242:rx")
    inside = here.open(b"default")
    inside.file(b"inherits")
    inside.make(b"inherits too").file(b"inherits")
    inside.file(b"lost its list")
    inside.make(b"lost its lists")
    for name, flags in ((b"lost its list", "-b"), (b"lost its lists", "-bk")):
        subprocess.run(["setfacl", flags, inside.short_path(name)], check=True)
    here.make(b"default only")
    acl(b"default only", "-d", "-m", "u::rwx,g::rx,o::-")
    here.file(b"large list", b"x")
    attempt("access list of 100 users", acl, b"large list", "-m", ",".join(f"u:{50_000 + n}:r" for n in range(100)))


def chunk_sizes(root):
    here = root.make(b"chunk-sizes")
    for size in [1, 2, 4095, 4096, 4097, 65_535, 65_536, 65_537, 512 * KIB - 1, 512 * KIB, 512 * KIB + 1,
                 256 * KIB - 1, 256 * KIB, 256 * KIB + 1, MIB - 1, MIB, MIB + 1, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 17 * MIB]:
        here.file(b"noise %d" % size, noise(size, size))
        here.file(b"prose %d" % size, prose(size, size))
    here.file(b"zeros", bytes(9 * MIB + 17))
    same = here.make(b"identical")
    content = noise("identical", 5 * MIB)
    for number in range(5):
        same.file(b"%d" % number, content)
        same.file(b"shifted %d" % number, b"x" * number + content)
    for number in range(100):
        same.file(b"small %d" % number, b"the same small file\n" * 20)


def protected(root):
    """Last, because nothing can be added afterwards."""
    here = root.make(b"protected")
    if not ROOT:
        skip("immutable and append-only files and directories", "not root")
        return
    for name, flags in [(b"immutable", IMMUTABLE), (b"append only", APPEND_ONLY), (b"both", IMMUTABLE | APPEND_ONLY), (b"no dump", NO_DUMP)]:
        here.file(name, name)
        inside = here.make(name + b" directory")
        inside.file(b"inside", name)
        inside.make(b"below").file(b"inside", name)
        here.file(name + b" with two names", name)
        here.link(name + b" with two names", name + b" second")
        for kind in (b"", b" directory", b" with two names"):
            stamp = 1_500_000_000 * NANOSECONDS + 7
            os.utime(name + kind, ns=(stamp, stamp), dir_fd=here.fd)
            attempt(f"flag: {(name + kind).decode()}", here.set_flags, name + kind, flags)


def build(path, entries):
    os.umask(0o022)
    root = Dir(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
    for part in (names, deep, empties, times, modes, owners, symlinks, hard_links, sparse, special, attributes, access_lists, chunk_sizes):
        part(root)
    crowd(root, entries)
    protected(root)
    # The clock's granule has to pass before a backup may trust these files to be unchanged.
    time.sleep(0.1)
    print("\n".join(left_out + [f"built {path.decode(errors='replace')}"]))


def remove(path):
    """Deletes a tree bottom-up without recursion; flags and modes that forbid it are taken off first."""
    parent = os.open(os.path.dirname(path) or b".", os.O_RDONLY | os.O_DIRECTORY)
    pending = [(parent, os.path.basename(path), None)]
    while pending:
        above, name, fd = pending.pop()
        if fd is not None:
            os.close(fd)
            os.rmdir(name, dir_fd=above)
            continue
        mode = os.stat(name, dir_fd=above, follow_symlinks=False).st_mode
        directory = stat.S_ISDIR(mode)
        if directory and not ROOT:
            os.chmod(name, 0o700, dir_fd=above)
        if directory or stat.S_ISREG(mode) and ROOT:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=above)
            clear_flags(fd)
        if directory:
            pending.append((above, name, fd))
            with os.scandir(fd) as found:
                pending.extend((fd, os.fsencode(entry.name), None) for entry in found)
        else:
            if fd is not None:
                os.close(fd)
            os.unlink(name, dir_fd=above)
    os.close(parent)


def clear_flags(fd):
    try:
        flags = get_flags(fd)
        if flags & (IMMUTABLE | APPEND_ONLY):
            fcntl.ioctl(fd, SETFLAGS, struct.pack("l", flags & ~(IMMUTABLE | APPEND_ONLY)))
    except OSError:
        pass  # a file system without flags has none to clear


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    path = os.path.abspath(os.fsencode(sys.argv[2]))
    if sys.argv[1] == "build":
        build(path, int(sys.argv[3]))
    elif os.path.lexists(path):
        remove(path)


if __name__ == "__main__":
    main()
