"""Makes a tree with everything a backup can meet, for against-engine.sh: `example_tree.py DIRECTORY` makes it,
`example_tree.py --change DIRECTORY` makes another version of it."""
import os
import random
import stat
import struct
import sys

BIG = 60_000_000       # more chunks than a page has references for
BLOCKS = 2_200         # pieces of data between holes: more references than a recipe page takes
SPACING = 98_304       # far enough apart that the engine sees a hole
MANY = 3_100           # entries of one directory: several leaves below an interior page
HOUR = 3_600 * 10**9


def write(name, data=b"", mode=0o644):
    with open(name, "wb") as f:
        f.write(data)
    os.chmod(name, mode)


def sparse(name, size, pieces):
    with open(name, "wb") as f:
        f.truncate(size)
        for at, data in pieces:
            f.seek(at)
            f.write(data)


def attributes(name, values):
    for key, value in values.items():
        try:
            os.setxattr(name, key, value, follow_symlinks=False)
        except OSError as error:
            print(f"note: {key} cannot be set here: {error.strerror}", file=sys.stderr)


def access_list():
    """user::rw-, user:12345:r--, group::r--, mask::r--, other::---, as Linux stores it."""
    rows = ((1, 6, 0xFFFFFFFF), (2, 4, 12345), (4, 4, 0xFFFFFFFF), (0x10, 4, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *row) for row in rows)


def names():
    os.mkdir("names")
    for name in (b"n" * 255, "ü".encode() * 127, b"\xff\xfe not UTF-8 \x80", b" ", b"\n", b"-rf", b"\x01\x7f", b".hidden", b"~"):
        write(b"names/" + name, name)


def links():
    os.makedirs("links/below")
    write("links/first", b"one inode\n")
    os.link("links/first", "links/below/second")
    os.link("links/first", "links/third")
    os.symlink("first", "links/relative")
    os.symlink(b"/nowhere/\xff/" + b"x" * 3000, "links/dangling")
    os.symlink("below", "links/directory")
    os.link("links/relative", "links/the same symlink", follow_symlinks=False)


def special(root):
    os.mkdir("special")
    os.mkfifo("special/fifo", 0o620)
    if root:
        try:
            os.mknod("special/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
            os.mknod("special/disk", stat.S_IFBLK | 0o600, os.makedev(7, 300))
        except PermissionError:
            print("note: devices cannot be made here", file=sys.stderr)


def metadata(root):
    os.mkdir("metadata")
    for mode in (0o000, 0o400, 0o755, 0o1777, 0o2755, 0o4755):
        write(f"metadata/mode {mode:o}", b"mode", mode)
    for time in (-1, 0, 1, 1_600_000_000_123_456_789, 5_000_000_000 * 10**9, -2_000_000_000 * 10**9 + 7):
        write(f"metadata/time {time}", b"time")
        os.utime(f"metadata/time {time}", ns=(time, time))
    write("metadata/attributes", b"attributes")
    attributes("metadata/attributes", {"user.empty": b"", "user.binary": bytes(range(256)), "user." + "k" * 240: b"v" * 2000})
    attributes("metadata", {"user.of a directory": b"yes"})
    write("metadata/access list")
    attributes("metadata/access list", {"system.posix_acl_access": access_list()})
    if root:
        write("metadata/owner")
        os.chown("metadata/owner", 54321, 12345)
        os.chown("metadata/mode 4755", 1, 1)
        os.chmod("metadata/mode 4755", 0o4755)


def content():
    noise = random.Random(1)
    os.mkdir("content")
    write("content/nothing")
    write("content/one byte", b"1")
    write("content/big", noise.randbytes(BIG))
    write("content/big again", noise.randbytes(5_000_000) * 2)
    write("content/text", b"the same words, over and over\n" * 100_000)
    sparse("content/only a hole", 10_000_000, [])
    sparse("content/holes", 50_000_000, [(4_096, b"x" * 4_096), (20_000_000, noise.randbytes(3_000_000)), (49_999_999, b"e")])
    sparse("content/many holes", BLOCKS * SPACING, [(i * SPACING + 8_192, b"%08d" % i * 512) for i in range(BLOCKS)])
    write("content/zeros that are there", bytes(3_000_000))


def directories():
    os.makedirs("directories/empty")
    os.mkdir("directories/locked", 0o700)
    write("directories/locked/inside", b"!")
    os.chmod("directories/locked", 0o555)
    os.mkdir("directories/many")
    for i in range(MANY):
        write(f"directories/many/entry {i:05}", b"%d" % (i // 3))
    path = "directories/deep"
    os.mkdir(path)
    for i in range(100):
        path += f"/{i:03}" + "d" * 25
        os.mkdir(path)
    write(path + "/bottom", b"deep\n")


def make(target):
    root = os.geteuid() == 0
    os.makedirs(target)
    os.chdir(target)
    names()
    links()
    special(root)
    metadata(root)
    content()
    directories()
    os.chmod(".", 0o750)


def change(target):
    os.chdir(target)
    with open("content/big", "r+b") as f:
        f.seek(BIG // 2)
        f.write(b"changed in the middle")
    with open("content/text", "ab") as f:
        f.write(b"and more\n")
    os.unlink("content/one byte")
    os.unlink("links/third")
    os.rename("names/~", "names/renamed")
    for i in range(0, MANY, 100):
        os.unlink(f"directories/many/entry {i:05}")
        write(f"directories/many/new {i:05}", b"new")
    os.unlink("metadata/mode 755")
    os.mkdir("metadata/mode 755")
    os.utime("directories/empty", ns=(HOUR, HOUR))
    os.chmod("special/fifo", 0o600)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--change":
        change(sys.argv[2])
    elif len(sys.argv) == 2:
        make(sys.argv[1])
    else:
        sys.exit(__doc__)
