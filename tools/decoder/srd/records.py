"""Section 8.12: records of the process, which Evidence holds."""
from . import cbor
from .cbor import Opt, fields, octets, row, text, uint
from .errors import need

SCHEMA = 1
CLASSES = ("hardware", "software", "shortage", "network", "access", "configuration", "source", "human")


class Field:
    """A key of a record's map: its name, its rule, and how its value is shown."""

    def __init__(self, name, rule, show=None):
        self.name, self.rule, self.show = name, rule, show or (lambda v: v)


def short(v, where):
    text(v, where)
    need(len(v.encode()) <= 4_096, f"{where}: longer than 4096 bytes")


def items(each):
    """An array that has to be left out when it is empty."""
    return Opt(cbor.array(each, minimum=1, maximum=16_384))


def mapping(each):
    def check(v, where):
        need(type(v) is dict and 1 <= len(v) <= 16_384, f"{where}: not a map of 1 to 16384 items")
        for k, x in v.items():
            short(k, f"{where} key")
            each(x, f"{where} {k!r}")
    return Opt(check)


def flag(v, where):
    need(v is True, f"{where}: a bool that is written is true")


def named(table):
    """A map whose keys `table` lists."""
    rules = {key: f.rule for key, f in table.items()}
    return lambda v, where: fields(rules)(v, where)


def shown(table):
    def show(v):
        return {table[k].name if k in table else f"key {k}": table[k].show(x) if k in table else x for k, x in v.items()}
    return show


def words(*names):
    return lambda n: names[n] if n < len(names) else f"other-{n}"


def hexed(v):
    return v.hex()


def each(show):
    return lambda v: [show(x) for x in v]


def structs(name, table):
    return Field(name, items(named(table)), each(shown(table)))


def suspect_state(v, where):
    need(type(v) is list and len(v) == 2, f"{where}: not an array of 2")
    uint()(v[0], where)
    rules = {0: flag, 1: octets(16), 2: cbor.boolean}
    rules.get(v[0], lambda v, where: None)(v[1], where)


TIME = cbor.time
N = uint()
U32 = uint((1 << 32) - 1)
PERSON = octets(16)
COUNTED = items(row(short, N))
CLASS = words(*CLASSES)

TOOL = {0: Field("name", short), 1: Field("version", short)}
HEAD = {
    0: Field("id", octets(16), hexed), 1: Field("at", TIME), 2: Field("skew_ms", Opt(cbor.sint)), 3: Field("resource", Opt(short)),
    4: Field("policy", Opt(octets(32)), hexed), 5: Field("actor", Opt(PERSON), hexed),
    6: Field("tool", Opt(named(TOOL)), shown(TOOL)), 7: Field("answers", items(octets(16)), each(hexed)),
}
ERROR = {0: Field("class", N, CLASS), 1: Field("code", short), 2: Field("phase", short), 3: Field("count", N)}
TRANSPORT = {0: Field("protocol", short), 1: Field("peer_checked", Opt(flag))}
RESOURCE = {0: Field("id", short), 1: Field("kind", short), 2: Field("criticality", short), 3: Field("tags", mapping(short))}
COPY = {
    0: Field("repository", short), 1: Field("location", short),
    2: Field("method", N, words("clear", "purge", "crypto-erase", "delete-all-versions")), 3: Field("verified", Opt(flag)),
    4: Field("remains_until", Opt(TIME)),
}
FACTS = {
    "run": {
        0: Field("job", short), 1: Field("repository", short), 2: Field("from", Opt(short)),
        3: Field("outcome", N, words("ok", "ok-with-notices", "partial", "failed", "cancelled", "expired", "missed")),
        4: Field("attempt", U32), 5: Field("due", Opt(TIME)), 6: Field("started", TIME), 7: Field("ended", TIME),
        8: Field("capture", Opt(TIME)), 9: Field("durable", Opt(TIME)), 10: Field("snapshot", Opt(octets(32)), hexed),
        11: Field("phases", COUNTED), 12: Field("counters", mapping(N)), 13: structs("errors", ERROR),
        14: Field("transport", Opt(named(TRANSPORT)), shown(TRANSPORT)),
    },
    "capacity": {
        0: Field("repository", short), 1: Field("used", N), 2: Field("total", Opt(N)),
        3: Field("kind", N, words("measured", "quota", "budget", "unlimited", "unknown")), 4: Field("locked", N),
        5: Field("locked_until", Opt(TIME)), 6: Field("reclaimable", N),
    },
    "inventory": {0: structs("resources", RESOURCE), 1: Field("complete", Opt(flag))},
    "verified": {
        0: Field("repository", short), 1: Field("level", cbor.u8), 2: Field("snapshot", Opt(octets(32)), hexed),
        3: Field("coverage", row(N, N)), 4: Field("choice", Opt(short)), 5: Field("damaged", N), 6: Field("unresolved", N),
        7: Field("entry", Opt(N)),
    },
    "drill": {
        0: Field("scenario", short), 1: Field("snapshot", Opt(octets(32)), hexed), 2: Field("repository", short),
        3: Field("verdict", N, words("proven", "failed", "not-proven")), 4: Field("sandbox", short), 5: Field("choice", short),
        6: Field("phases", COUNTED),
        7: Field("validators", items(row(short, N, short)),
                 each(lambda v: [v[0], words("passed", "failed", "skipped")(v[1]), v[2]])),
        8: Field("bytes", N), 9: Field("files", N), 10: Field("rto_ms", Opt(N)), 11: Field("rto_target_ms", Opt(N)),
        12: Field("people_ms", Opt(N)), 13: Field("cleaned", Opt(flag)),
    },
    "alert": {
        0: Field("class", short), 1: Field("severity", cbor.u8), 2: Field("route", short), 3: Field("step", U32),
        4: Field("outcome", N, words("sent", "failed")), 5: Field("test", Opt(flag)), 6: Field("about", Opt(short)),
    },
    "acknowledged": {0: Field("about", short)},
    "incident": {
        0: Field("incident", short),
        1: Field("step", N, words("open", "acknowledged", "mitigated", "resolved", "reviewed", "closed")),
        2: Field("cause", Opt(N), CLASS), 3: Field("waiver", Opt(flag)),
    },
    "action": {
        0: Field("action", short), 1: Field("finding", short),
        2: Field("step", N, words("opened", "reassigned", "done", "effective", "not-effective", "cancelled")),
        3: Field("owner", Opt(short)), 4: Field("due", Opt(TIME)), 5: Field("kind", Opt(short)),
    },
    "obligation": {
        0: Field("obligation", short), 1: Field("due", Opt(TIME)), 2: Field("outcome", short),
        3: Field("attachment", Opt(octets(32)), hexed), 4: Field("pages", U32),
    },
    "sign-off": {
        0: Field("document", octets(32), hexed), 1: Field("role", short),
        2: Field("decision", N, words("approved", "rejected", "acknowledged")),
    },
    "deleted": {
        0: Field("entry", N), 1: Field("repository", short), 2: Field("objects", N), 3: Field("bytes", N), 4: Field("missing", N),
        5: Field("left", N), 6: Field("left_until", Opt(TIME)),
    },
    "disposal": {
        0: Field("subject", short), 1: Field("snapshots", N), 2: Field("blobs", N), 3: Field("bytes", N),
        4: Field("keys", items(octets(16)), each(hexed)), 5: structs("copies", COPY),
        6: Field("operators", items(PERSON), each(hexed)), 7: Field("residual", short),
    },
    "access": {
        0: Field("repository", short), 1: Field("principal", PERSON, hexed), 2: Field("what", short), 3: Field("times", N),
        4: Field("explained", N), 5: Field("from", TIME), 6: Field("to", TIME),
    },
    "suspect": {0: Field("snapshot", octets(32), hexed), 1: Field("signals", items(short)), 2: Field("state", suspect_state)},
    "attested": {
        0: Field("what", short), 1: Field("repository", Opt(short)), 2: Field("holds", Opt(flag)), 3: Field("values", mapping(short)),
    },
}


def is_record(evidence):
    """Whether a body of Evidence is a record that this section describes."""
    return evidence[0] in FACTS and evidence[1] == SCHEMA


def check(kind, record, where):
    rules = {key: f.rule for key, f in HEAD.items()} | {8: named(FACTS[kind])}
    fields(rules)(record, where)


def describe(kind, record):
    """The record with names in the place of numbers."""
    head = {k: v for k, v in record.items() if k != 8}
    return {"kind": kind} | shown(HEAD)(head) | shown(FACTS[kind])(record[8])
