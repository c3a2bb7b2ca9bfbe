"""Says whether a traced program opened files for reading outside its own folders.

usage: opened_files.py STRACE-LOG ALLOWED-DIR…      the log: strace -f -y -e trace=open,openat,openat2

Directories, and descriptors that cannot read (O_PATH), are counted and allowed everywhere. Everything else has to be below an allowed
directory or be one of the system's own files. A line that cannot be judged is a failure.
"""

import re
import sys

SYSTEM = ["/etc/", "/proc/", "/sys/", "/lib/", "/lib64/", "/usr/lib/", "/usr/share/zoneinfo/", "/dev/null", "/dev/urandom", "/dev/tty"]
RESULT = re.compile(r"= (-?\d+)(?:<(.*)>)?(?: E\w+ .*)?$")


def main():
    allowed = SYSTEM + [directory.rstrip("/") + "/" for directory in sys.argv[2:]]
    directories = anchors = own = 0
    bad = []
    unfinished = {}
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        for line in map(str.rstrip, log):
            thread = line.split(" ", 1)[0]
            if line.endswith("<unfinished ...>"):
                unfinished[thread] = line
                continue
            if " resumed>" in line:
                line = unfinished.pop(thread, "") + line
            if "open" not in line or line.split(None, 1)[1].startswith(("+++", "---")):
                continue
            result = RESULT.search(line)
            if result is None:
                bad.append(f"cannot be judged: {line}")
            elif result.group(1).startswith("-"):
                continue
            elif "O_DIRECTORY" in line:
                directories += 1
            elif "O_PATH" in line:
                anchors += 1
            elif any((result.group(2) or "").startswith(prefix) for prefix in allowed):
                own += 1
            else:
                bad.append(f"opened: {line}")
    if bad:
        print(f"{len(bad)} files opened, the first:")
        print("\n".join(bad[:20]))
        sys.exit(1)
    if directories == 0:
        print("no directory was opened: this is no trace of a backup")
        sys.exit(1)
    print(f"{directories} directories and none of the source's files opened ({anchors} anchors, {own} own files)")


if __name__ == "__main__":
    main()
