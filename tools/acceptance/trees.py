"""Trees for run.sh, and questions about them. Standard library only.

usage: trees.py large DIR GIGABYTES      a directory with one file: pieces of random data, and holes
       trees.py crowd DIR COUNT          a directory of small files
       trees.py attributes DIR           files with attributes of every size up to 65,536 bytes
       trees.py dirty DIR                changes a restored hostile tree in many ways; prints them
       trees.py unreadable DIR           paths that this user cannot read, each ended by a NUL
       trees.py listed LIST JSON-LINES   whether the problems that a backup reported are those in the list
"""

import json
import os
import random
import resource
import shutil
import stat
import sys

from hostile_tree import APPEND_ONLY, IMMUTABLE, Dir, clear_flags, remove

MIB = 1024 * 1024


def large(path, gigabytes):
    """A tenth of the file is data, in pieces of 1 KiB to 4 MiB at odd offsets."""
    length = int(gigabytes) * 10**9
    chance = random.Random("large")
    os.mkdir(path)
    with open(os.path.join(path, b"large"), "wb", buffering=0) as file:
        os.ftruncate(file.fileno(), length)
        written = 0
        while written < length // 12:
            piece = chance.randbytes(chance.choice([1024, 5000, 65_536, 700_001, MIB, 4 * MIB]))
            written += os.pwrite(file.fileno(), piece, chance.randrange(length - len(piece)))


def crowd(path, count):
    os.mkdir(path)
    here = Dir(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
    for number in range(int(count)):
        here.file(b"%08x-small-file" % (number * 2_654_435_761 % 2**32), b"small file number %d\n" % number)


def attributes(path):
    chance = random.Random("attributes")
    os.mkdir(path)
    for size in (0, 1, 255, 256, 4095, 4096, 4097, 16_384, 60 * 1024, 65_535, 65_536):
        file = os.path.join(path, b"%d bytes" % size)
        Dir(os.open(path, os.O_RDONLY | os.O_DIRECTORY)).file(os.path.basename(file), b"x")
        os.setxattr(file, b"user.noise", chance.randbytes(size))
        os.mkdir(file + b" directory")
        os.setxattr(file + b" directory", b"trusted.zeros", bytes(size))
    for number in range(15):
        os.setxattr(os.path.join(path, b"1 bytes"), b"user.large-%d" % number, chance.randbytes(60_000))


def dirty(path):
    """Undoes the protection of what it changes, as somebody with root's rights might."""
    done = []

    def at(*names):
        return os.path.join(path, *names)

    def free(target):
        fd = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        clear_flags(fd)
        os.close(fd)

    def write(target, content):
        with open(target, "wb") as file:
            file.write(content)

    def change(words, action, *arguments, **options):
        action(*arguments, **options)
        done.append(words)

    change("file emptied", write, at(b"chunk-sizes", b"noise 4194304"), b"")
    change("file longer", lambda: open(at(b"chunk-sizes", b"noise 1048576"), "ab").write(b"tail"))
    with open(at(b"chunk-sizes", b"noise 17825792"), "r+b") as file:
        change("bytes changed, same size", os.pwrite, file.fileno(), b"changed", 9 * MIB)
    info = os.stat(at(b"chunk-sizes", b"prose 4194305"))
    with open(at(b"chunk-sizes", b"prose 4194305"), "r+b") as file:
        change("bytes changed, same size and time", os.pwrite, file.fileno(), b"#" * 100, MIB)
    os.utime(at(b"chunk-sizes", b"prose 4194305"), ns=(info.st_atime_ns, info.st_mtime_ns))
    change("file removed", os.unlink, at(b"chunk-sizes", b"prose 1"))
    change("directory removed", shutil.rmtree, at(b"chunk-sizes", b"identical"))
    change("file became a directory", lambda: (os.unlink(at(b"empty", b"file")), os.mkdir(at(b"empty", b"file")), write(at(b"empty", b"file", b"x"), b"x")))
    change("directory became a file", lambda: (os.rmdir(at(b"empty", b"directory")), write(at(b"empty", b"directory"), b"x")))
    change("directory became a link out of the tree", lambda: (shutil.rmtree(at(b"names-in-order", b"a")), os.symlink("/etc", at(b"names-in-order", b"a"))))
    change("file became a fifo", lambda: (os.unlink(at(b"names", b"-rf")), os.mkfifo(at(b"names", b"-rf"))))
    change("fifo became a file", lambda: (os.unlink(at(b"special", b"fifo")), write(at(b"special", b"fifo"), b"x")))
    change("other link target", lambda: (os.unlink(at(b"symlinks", b"dangling")), os.symlink("elsewhere", at(b"symlinks", b"dangling"))))
    change("hard link broken", lambda: (os.unlink(at(b"hard-links", b"near", b"group 2 name 1")), write(at(b"hard-links", b"near", b"group 2 name 1"), b"other"))
           if os.path.exists(at(b"hard-links", b"near", b"group 2 name 1")) else (os.unlink(at(b"hard-links", b"near", b"large")), write(at(b"hard-links", b"near", b"large"), b"other")))
    change("hard link added", os.link, at(b"hard-links", b"one name only"), at(b"hard-links", b"a second name"))
    change("unrelated files linked", lambda: (os.unlink(at(b"hard-links", b"same content", b"b")), os.link(at(b"hard-links", b"same content", b"a"), at(b"hard-links", b"same content", b"b"))))
    change("modes", os.chmod, at(b"modes", b"file 0444"), 0o666)
    change("directory's mode", os.chmod, at(b"modes", b"directory 0555"), 0o777)
    change("owner", os.chown, at(b"modes", b"file 4755"), 5, 5)
    change("time", os.utime, at(b"times", b"2106"), ns=(0, 0))
    change("attribute changed", os.setxattr, at(b"attributes", b"simple"), b"user.simple", b"other")
    change("attribute added", os.setxattr, at(b"attributes", b"directory"), b"user.more", b"x")
    change("attribute removed", os.removexattr, at(b"attributes", b"shared 007"), b"user.shared")
    change("capability removed", os.removexattr, at(b"attributes", b"capable"), b"security.capability")
    change("access list removed", os.removexattr, at(b"access-lists", b"named user"), b"system.posix_acl_access")
    change("default access list removed", os.removexattr, at(b"access-lists", b"default"), b"system.posix_acl_default")
    change("hole filled", lambda: os.pwrite(os.open(at(b"sparse", b"hole only"), os.O_WRONLY), bytes(MIB), MIB))
    change("extra file", write, at(b"extra"), b"x")
    change("extra tree", os.makedirs, at(b"crowded", b"extra", b"extra", b"extra"))
    change("extra link to the outside", os.symlink, b"/etc", at(b"names", b"extra link"))
    free(at(b"protected", b"immutable"))
    change("immutable file changed", write, at(b"protected", b"immutable"), b"other")
    free(at(b"protected", b"append only directory"))
    change("extra file in an append-only directory", write, at(b"protected", b"append only directory", b"extra"), b"x")
    write(at(b"extra immutable"), b"x")
    os.mkdir(at(b"extra protected directory"))
    write(at(b"extra protected directory", b"inside"), b"x")
    whole = Dir(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
    change("extra immutable file", whole.set_flags, b"extra immutable", IMMUTABLE)
    change("extra append-only directory", whole.set_flags, b"extra protected directory", APPEND_ONLY | IMMUTABLE)
    change("deep directory removed", lambda: remove(at(b"deep", os.listdir(at(b"deep"))[0])))
    print("\n".join(done))


def unreadable(path):
    """Regular files that cannot be opened and directories that cannot be listed or searched."""
    pending = [(os.open(path, os.O_RDONLY | os.O_DIRECTORY), b"")]
    while pending:
        fd, above = pending.pop()
        for name in map(os.fsencode, os.listdir(fd)):
            below = above + b"/" + name if above else name
            mode = os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
            if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                try:
                    opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=fd)
                except PermissionError:
                    sys.stdout.buffer.write(below + b"\0")
                    continue
                if not stat.S_ISDIR(mode):
                    os.close(opened)
                elif os.access(b".", os.X_OK, dir_fd=opened):
                    pending.append((opened, below))
                else:
                    sys.stdout.buffer.write(below + b"\0")
        os.close(fd)


def listed(expected, lines):
    with open(expected, "rb") as file:
        wanted = {path for path in file.read().split(b"\0") if path}
    found = set()
    with open(lines, encoding="utf-8") as file:
        for line in map(json.loads, file):
            if line.get("type") == "problem":
                found.add(bytes.fromhex(line["path_hex"]) if "path_hex" in line else os.fsencode(line["path"]))
    # What is below a directory that can be listed but not entered is a problem each, and not of its own.
    missing = {path for path in wanted - found if not any(other.startswith(path + b"/") for other in found)}
    more = {path for path in found - wanted if not any(path.startswith(other + b"/") for other in wanted)}
    for path in sorted(missing):
        print(f"not listed: {path!r}")
    for path in sorted(more):
        print(f"listed, but readable: {path!r}")
    if missing or more:
        sys.exit(1)
    print(f"{len(wanted)} unreadable paths listed")


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    command, *arguments = sys.argv[1:]
    action = {"large": large, "crowd": crowd, "attributes": attributes, "dirty": dirty, "unreadable": unreadable, "listed": listed}[command]
    action(*map(os.fsencode, arguments))


if __name__ == "__main__":
    main()
