#!/usr/bin/env python3
"""Stands between a client and a server that speaks HTTP, and makes the way worse: slow, faulty, or not to be trusted.

    proxy.py --to HOST:PORT [--listen HOST] [options]

Prints one line `PORT='…'` when it listens, and runs until it is told to end. What it counted is in the file of `--counts`, as JSON, at the end and
whenever it gets SIGUSR1. Faults are decided by a generator with a seed, a request at a time. It needs nothing but Python.
"""

import argparse
import asyncio
import collections
import json
import os
import random
import signal
import socket
import ssl
import struct
import sys
import time

# What may be on its way in one direction of one connection, as in the buffers of a long link.
WINDOW = 8 << 20
PIECE = 128 << 10
MAX_HEAD = 64 << 10


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", required=True, metavar="HOST:PORT", help="the server")
    parser.add_argument("--listen", default="127.0.0.1", metavar="HOST", help="where to listen, on a free port [127.0.0.1]")
    parser.add_argument("--round-trip", type=float, default=0, metavar="MS", help="every byte comes half of it later; a new connection costs all of it")
    parser.add_argument("--late", type=float, default=0, metavar="MS", help="a request waits up to this long before it is passed on")
    parser.add_argument("--fail", type=float, default=0, metavar="SHARE", help="requests that fail: reset before or after the server did it, or 503")
    parser.add_argument("--hang", type=float, default=0, metavar="SHARE", help="requests that are never answered; half of them are carried out")
    parser.add_argument("--answer", metavar="STATUS:CODE", help="answers every request itself, as S3 would: 400:ExpiredToken")
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"), help="speaks TLS with the client")
    parser.add_argument("--counts", metavar="FILE", help="where to write what was counted")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


class Counts:
    """Requests and bytes by kind, how long the server's answers took, and bytes in each second."""

    def __init__(self):
        self.requests = collections.Counter()
        self.faults = collections.Counter()
        self.waited = collections.Counter()
        self.bytes_up = 0
        self.bytes_down = 0
        self.connections = 0
        self.first = None
        self.seconds = collections.defaultdict(lambda: [0, 0])

    def moved(self, direction, length):
        now = time.monotonic()
        if self.first is None:
            self.first = now
        self.seconds[int(now - self.first)][direction] += length
        if direction == 0:
            self.bytes_up += length
        else:
            self.bytes_down += length

    def save(self, path):
        seconds = [self.seconds.get(at, [0, 0]) for at in range(max(self.seconds, default=-1) + 1)]
        found = {
            "requests": dict(sorted(self.requests.items())),
            "all_requests": sum(self.requests.values()),
            "seconds_until_answered": {kind: round(value, 3) for kind, value in sorted(self.waited.items())},
            "faults": dict(sorted(self.faults.items())),
            "connections": self.connections,
            "bytes_up": self.bytes_up,
            "bytes_down": self.bytes_down,
            "bytes_by_second": seconds,
        }
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(found, file)
            file.write("\n")
        os.replace(path + ".new", path)


def kind_of(method, target, headers):
    query = target.partition("?")[2]
    if method == "GET" and any(part.split("=")[0] in ("list-type", "prefix", "comp", "delimiter") for part in query.split("&")):
        return "LIST"
    if method == "GET" and "location" in query:
        return "GET location"
    if method == "GET" and ("range" in headers or "x-ms-range" in headers):
        return "GET range"
    return method


class Pipe:
    """Bytes of one direction, each of which comes out `delay` after it went in."""

    def __init__(self, writer, delay):
        self.writer = writer
        self.delay = delay
        self.queue = collections.deque()
        self.held = 0
        self.changed = asyncio.Event()
        self.room = asyncio.Event()
        self.room.set()
        self.closed = False

    async def send(self, data):
        if not data:
            return
        if self.delay == 0:
            self.writer.write(data)
            await self.writer.drain()
            return
        await self.room.wait()
        self.queue.append((time.monotonic() + self.delay, data))
        self.held += len(data)
        if self.held >= WINDOW:
            self.room.clear()
        self.changed.set()

    def close(self):
        self.closed = True
        self.changed.set()

    async def run(self):
        """Writes what is due, until it is closed and empty."""
        while True:
            if not self.queue:
                if self.closed:
                    return
                self.changed.clear()
                await self.changed.wait()
                continue
            due, data = self.queue[0]
            wait = due - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            self.queue.popleft()
            self.writer.write(data)
            await self.writer.drain()
            self.held -= len(data)
            if self.held < WINDOW:
                self.room.set()


class Reset(Exception):
    """This connection is to be reset."""


class Connection:
    """One connection of a client, its requests one after another, and the connection to the server that they share."""

    def __init__(self, proxy, reader, writer):
        self.proxy = proxy
        self.reader = reader
        self.writer = writer
        self.server = None
        self.up = None
        self.down = None
        self.tasks = []
        # What becomes of the answer that is expected: passed on, lost with the connection, or never seen.
        self.fate = "pass"
        self.asked = None

    async def serve(self):
        delay = self.proxy.delay
        try:
            if delay:
                await asyncio.sleep(2 * delay)
            self.down = Pipe(self.writer, delay)
            self.spawn(self.down.run())
            while await self.one_request():
                pass
        except Reset:
            self.reset()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            await self.close()

    async def one_request(self):
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return False
        method, target, headers = parse_head(head)
        counts, proxy = self.proxy.counts, self.proxy
        kind = kind_of(method, target, headers)
        counts.requests[kind] += 1
        counts.moved(0, len(head))
        if proxy.answer:
            await self.drain_body(headers, None)
            await self.reply(*proxy.answer)
            return False
        if proxy.late:
            await asyncio.sleep(proxy.chance.random() * proxy.late)
        fate = proxy.fate()
        if fate != "pass":
            counts.faults[fate] += 1
        if fate == "reset":
            raise Reset
        if fate in ("503", "hang"):
            await self.drain_body(headers, None)
            if fate == "503":
                await self.reply(503, "SlowDown")
                return False
            await self.until_client_leaves()
            return False
        await self.connect()
        self.fate = fate
        self.asked = (kind, time.monotonic())
        await self.up.send(head)
        await self.drain_body(headers, self.up)
        return True

    async def drain_body(self, headers, pipe):
        """Reads the body of a request, and passes it on if there is a pipe."""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while True:
                line = await self.reader.readuntil(b"\r\n")
                size = int(line.split(b";")[0], 16)
                await self.take(line, pipe)
                await self.take_exactly(size + 2, pipe)
                if size == 0:
                    return
        await self.take_exactly(int(headers.get("content-length", 0)), pipe)

    async def take_exactly(self, length, pipe):
        while length > 0:
            data = await self.reader.read(min(length, PIECE))
            if not data:
                raise asyncio.IncompleteReadError(b"", length)
            length -= len(data)
            await self.take(data, pipe)

    async def take(self, data, pipe):
        self.proxy.counts.moved(0, len(data))
        if pipe:
            await pipe.send(data)

    async def connect(self):
        if self.server is None:
            reader, self.server = await asyncio.open_connection(*self.proxy.to, limit=MAX_HEAD)
            no_delay(self.server)
            self.up = Pipe(self.server, self.proxy.delay)
            self.spawn(self.up.run())
            self.spawn(self.answers(reader))

    async def answers(self, reader):
        """Passes on what the server says."""
        try:
            while data := await reader.read(PIECE):
                if self.asked:
                    kind, since = self.asked
                    self.asked = None
                    self.proxy.counts.waited[kind] += time.monotonic() - since
                if self.fate == "lost":
                    self.reset()
                    return
                if self.fate == "silent":
                    continue
                self.proxy.counts.moved(1, len(data))
                await self.down.send(data)
        except OSError:
            self.reset()
            return
        self.down.close()
        self.spawn(self.close_when_sent())

    async def close_when_sent(self):
        while self.down.queue:
            await asyncio.sleep(0.01)
        self.writer.close()

    async def until_client_leaves(self):
        while await self.reader.read(PIECE):
            pass

    async def reply(self, status, code):
        body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>said by the proxy</Message></Error>'.encode()
        head = f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        await self.down.send(head.encode() + body)
        await self.close_when_sent()

    def spawn(self, work):
        async def quietly():
            try:
                await work
            except OSError:
                self.reset()

        self.tasks.append(asyncio.create_task(quietly()))

    def reset(self):
        raw = self.writer.get_extra_info("socket")
        if raw is not None and raw.fileno() >= 0:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self):
        # What is still on its way to the server arrives, as it would from a client that is gone.
        if self.up:
            self.up.close()
        for _ in range(200):
            if not (self.up and self.up.queue):
                break
            await asyncio.sleep(0.01)
        for task in self.tasks:
            task.cancel()
        for writer in (self.writer, self.server):
            if writer is not None:
                writer.close()


class Proxy:
    """What all connections share."""

    def __init__(self, arguments):
        host, _, port = arguments.to.rpartition(":")
        self.to = (host, int(port))
        self.delay = arguments.round_trip / 2000
        self.late = arguments.late / 1000
        self.fail = arguments.fail
        self.hang = arguments.hang
        self.chance = random.Random(arguments.seed)
        self.counts = Counts()
        self.answer = None
        if arguments.answer:
            status, _, code = arguments.answer.partition(":")
            self.answer = (int(status), code)

    def fate(self):
        drawn = self.chance.random()
        if drawn < self.fail:
            return self.chance.choice(["reset", "lost", "503"])
        if drawn < self.fail + self.hang:
            return self.chance.choice(["hang", "silent"])
        return "pass"

    async def serve(self, reader, writer):
        self.counts.connections += 1
        no_delay(writer)
        await Connection(self, reader, writer).serve()


def parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return method, target, headers


def no_delay(writer):
    raw = writer.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def main(arguments):
    proxy = Proxy(arguments)
    context = None
    if arguments.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*arguments.tls)
    server = await asyncio.start_server(proxy.serve, arguments.listen, 0, limit=MAX_HEAD, ssl=context)
    ends = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, ends.set)
    if arguments.counts:
        loop.add_signal_handler(signal.SIGUSR1, proxy.counts.save, arguments.counts)
    print(f"PORT='{server.sockets[0].getsockname()[1]}'", flush=True)
    await ends.wait()
    if arguments.counts:
        proxy.counts.save(arguments.counts)
    # Connections that hang are not waited for.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(parse_arguments())))
