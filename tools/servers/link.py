#!/usr/bin/env python3
"""Backs up and restores over a slow, long link, by the example programs and by other programs, and says how full the link was.

    link.py --programs DIR [--peers restic,rustic] [--server moto] [--rate 200] [--round-trip 50] [--out FILE] CORPUS…

Starts the server beside it and a link (link.sh) for each program, so that nobody inherits connections. Each program makes a repository of its own in the bucket, backs up,
backs up again with nothing changed, and restores into an empty folder, whose content is then compared. What went over the link is counted by the proxy at its
end: HTTP requests by kind, and bytes with their heads. The share is those bytes, over the wall time of the whole process, over the rate of the link; TCP, IP and Ethernet take
4.4 % of it at best. As root; STRONGROOM_SERVERS names the folder that install.sh filled. Peers are found on PATH.
"""

import argparse
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PASSWORD = "correct horse battery staple"


def start(arguments, log):
    """Begins a script that prints one line when it is ready, and returns it with what the line says."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True)
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{arguments[0]} did not start")
    return process, dict(part.split("=", 1) for part in shlex.split(line))


def stop(process):
    process.terminate()
    process.wait(120)


def ours(work, corpus, url, env):
    env.update(STRONGROOM_PASSWORD=PASSWORD, XDG_CACHE_HOME=str(work / "cache"), STRONGROOM_REPOSITORY=url)
    backup = ["sr-backup", "--series", "link", str(corpus)]
    return {
        "init": ["sr-init", "--fast-kdf-for-tests", "--no-recovery-code"],
        "backup": backup,
        "unchanged": backup,
        "restore": ["sr-restore", "latest", "--target", str(work / "out")],
        "restored": work / "out",
    }


def restic(work, corpus, place, env):
    env.update(RESTIC_PASSWORD=PASSWORD, RESTIC_CACHE_DIR=str(work / "cache"), AWS_DEFAULT_REGION="us-east-1")
    env["RESTIC_REPOSITORY"] = f"s3:{place['ENDPOINT']}/strongroom/{place['PREFIX']}"
    backup = ["restic", "backup", str(corpus)]
    return {
        "init": ["restic", "init"],
        "backup": backup,
        "unchanged": backup,
        "restore": ["restic", "restore", f"latest:{corpus}", "--target", str(work / "out")],
        "restored": work / "out",
    }


def rustic(work, corpus, place, env):
    profile = work / "rustic.toml"
    profile.write_text(
        f"""[repository]
repository = "opendal:s3"
password = "{PASSWORD}"
cache-dir = "{work}/cache"
[repository.options]
bucket = "strongroom"
root = "/{place['PREFIX']}"
endpoint = "{place['ENDPOINT']}"
region = "us-east-1"
access_key_id = "{env['AWS_ACCESS_KEY_ID']}"
secret_access_key = "{env['AWS_SECRET_ACCESS_KEY']}"
enable_virtual_host_style = "false"
"""
    )
    env["RUSTIC_NO_PROGRESS"] = "true"
    rustic = ["rustic", "-P", str(work / "rustic")]
    backup = [*rustic, "backup", str(corpus)]
    return {
        "init": [*rustic, "init"],
        "backup": backup,
        "unchanged": backup,
        "restore": [*rustic, "restore", f"latest:{corpus}", str(work / "out")],
        "restored": work / "out",
    }


def counts(link):
    path = pathlib.Path(link["COUNTS"])
    path.unlink(missing_ok=True)
    os.kill(int(link["PROXY"]), signal.SIGUSR1)
    while not path.exists():
        time.sleep(0.05)
    return json.loads(path.read_text())


def difference(now, before):
    if isinstance(now, dict):
        return {key: difference(value, before.get(key, 0)) for key, value in now.items() if difference(value, before.get(key, 0))}
    return now - before


def measure(job, command, link, env, work, rate):
    before = counts(link)
    log = work / f"{job}.log"
    timed = ["/usr/bin/time", "-o", str(work / "time"), "-f", "%e %U %S %M"]
    with open(log, "wb") as out:
        status = subprocess.run(["ip", "netns", "exec", link["NAMESPACE"], *timed, *command], env=env, stdout=out, stderr=out, cwd=work).returncode
    if status != 0:
        sys.stderr.write(log.read_text(errors="replace")[-2000:])
        raise SystemExit(f"{' '.join(command)}: status {status}")
    wall, user, system, peak = map(float, (work / "time").read_text().split()[-4:])
    after = counts(link)
    moved = {way: after[way] - before[way] for way in ("bytes_up", "bytes_down")}
    return {
        "job": job,
        "wall": wall,
        "cpu": round(user + system, 2),
        "peak_mib": round(peak / 1024),
        **moved,
        "share": round(max(moved.values()) / wall / (rate * 125_000), 3),
        "requests": difference(after["requests"], before["requests"]),
        "all_requests": after["all_requests"] - before["all_requests"],
        "seconds_until_answered": {k: round(v, 2) for k, v in difference(after["seconds_until_answered"], before["seconds_until_answered"]).items()},
        "bytes_by_second": after["bytes_by_second"],
    }


def same(corpus, restored):
    """Says whether the restored tree has the same content, by rsync, which knows nothing of any of the programs."""
    command = ["rsync", "-rlHn", "--checksum", "--delete", "--itemize-changes", f"{corpus}/", f"{restored}/"]
    return not subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.strip()


def one_program(name, corpus, server, arguments, results):
    work = pathlib.Path(tempfile.mkdtemp(prefix="strongroom-link-", dir=arguments.work))
    log = open(work / "servers.log", "wb")
    port = server["ENDPOINT"].rpartition(":")[2]
    process, link = start(
        [str(HERE / "link.sh"), "--to", f"127.0.0.1:{port}", "--rate", f"{arguments.rate}mbit", "--round-trip", str(arguments.round_trip)], log
    )
    try:
        env = dict(os.environ, AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID=server["AWS_ACCESS_KEY_ID"], AWS_SECRET_ACCESS_KEY=server["AWS_SECRET_ACCESS_KEY"])
        env["PATH"] = f"{arguments.programs}:{env['PATH']}"
        prefix = f"link-{os.getpid()}-{name}-{corpus.parent.name}"
        if name == "strongroom":
            jobs = ours(work, corpus, f"s3://strongroom/{prefix}?endpoint={link['ENDPOINT']}&region=us-east-1", env)
        else:
            peer = {"restic": restic, "rustic": rustic}[name]
            jobs = peer(work, corpus, {"ENDPOINT": link["ENDPOINT"], "PREFIX": prefix}, env)
        for job in ("init", "backup", "unchanged", "restore"):
            # What is read is in memory for all of them, and what was written before is on the disk.
            subprocess.run(["find", str(corpus), "-type", "f", "-exec", "cat", "{}", "+"], stdout=subprocess.DEVNULL, check=True)
            os.sync()
            result = {"program": name, "corpus": corpus.parent.name, "server": arguments.server, **measure(job, jobs[job], link, env, work, arguments.rate)}
            if job == "restore":
                result["same"] = same(corpus, jobs["restored"])
            results.append(result)
            with open(arguments.out, "a", encoding="utf-8") as out:
                out.write(json.dumps(result) + "\n")
            print(row(result), flush=True)
    finally:
        stop(process)
        log.close()
        shutil.rmtree(work, ignore_errors=True)


def row(result):
    kinds = ", ".join(f"{count} {kind}" for kind, count in result["requests"].items())
    moved = max(result["bytes_up"], result["bytes_down"]) / 1e6
    same_as = "" if result.get("same", True) else " NOT THE SAME"
    return (
        f"| {result['corpus']} | {result['job']} | {result['program']} | {result['wall']:.1f} ({result['cpu']:.1f}) | {moved:.1f} |"
        f" {100 * result['share']:.0f} % | {result['all_requests']}: {kinds} | {result['peak_mib']}{same_as} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", required=True, metavar="DIR", help="where the example programs are")
    parser.add_argument("--peers", default="", help="restic, rustic")
    parser.add_argument("--server", default="moto", help="moto or ceph")
    parser.add_argument("--line", help="a file with the line of a server that runs already, instead of starting one")
    parser.add_argument("--rate", type=int, default=200, metavar="MBIT")
    parser.add_argument("--round-trip", type=int, default=50, metavar="MS")
    parser.add_argument("--work", default=tempfile.gettempdir(), metavar="DIR")
    parser.add_argument("--out", default=os.devnull, metavar="FILE", help="one line of JSON for each job")
    parser.add_argument("corpora", nargs="+", type=pathlib.Path, metavar="CORPUS", help="a folder, such as corpora/mix/v1")
    arguments = parser.parse_args()
    # What was begun is stopped however this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    process = None
    if arguments.line:
        server = dict(part.split("=", 1) for part in shlex.split(pathlib.Path(arguments.line).read_text()))
    else:
        process, server = start([str(HERE / f"{arguments.server}.sh")], None)
    results = []
    print("| corpus | job | program | wall s (CPU s) | MB | share of the link | requests | peak MiB |\n|---|---|---|---|---|---|---|---|", flush=True)
    try:
        for corpus in arguments.corpora:
            for name in ["strongroom", *filter(None, re.split("[, ]+", arguments.peers))]:
                one_program(name, corpus.resolve(), server, arguments, results)
    finally:
        if process:
            stop(process)


if __name__ == "__main__":
    main()
