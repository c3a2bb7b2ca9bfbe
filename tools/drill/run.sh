#!/usr/bin/env bash
# Restores real databases in drills, and looks whether the drills say what they should. See README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)

usage() { echo 'usage: run.sh [--programs DIR] [--keep]' >&2; exit 2; }
programs=
keep=
while [ $# -gt 0 ]; do
    case $1 in
        --programs) [ $# -gt 1 ] || usage; programs=$2; shift ;;
        --keep) keep=1 ;;
        *) usage ;;
    esac
    shift
done
[ "$(id -u)" -eq 0 ] || { echo 'run.sh: needs root: servers run as users of their own' >&2; exit 1; }

# shellcheck source=tools/rows.sh
source "$here/../rows.sh"
begin_rows sr-drill 64
pids=()
put_back() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
}

# --- What is needed ---------------------------------------------------------------------------------

install_servers() {
    local missing=()
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
    ls /usr/lib/postgresql/*/bin/pg_amcheck >/dev/null 2>&1 || missing+=(postgresql-client)
    command -v mariadbd >/dev/null || missing+=(mariadb-server)
    command -v sqlite3 >/dev/null || missing+=(sqlite3)
    [ ${#missing[@]} -gt 0 ] || return 0
    # The packages would start services; the drills start servers of their own.
    local policy=/usr/sbin/policy-rc.d made=
    [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod 755 "$policy"; made=1; }
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    [ -z "$made" ] || rm -f "$policy"
}
install_servers
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
for program in "$bin/initdb" "$bin/pg_dump" "$bin/pg_amcheck" "$(command -v mariadbd)" "$(command -v sqlite3)"; do
    [ -x "$program" ] || fail 'programs' "there is no $program"
done
if [ -z "$programs" ]; then
    (cd "$top" && cargo build --locked --release -p strongroom-examples --bin sr-drill --bin sr-init --bin sr-backup \
        --bin sr-kit --bin sr-copy)
    programs=${CARGO_TARGET_DIR:-$top/target}/release
fi

# --- Servers that have the data ---------------------------------------------------------------------

as() { local user=$1; shift; setpriv --reuid "$user" --regid "$user" --init-groups "$@"; }
until_ready() {
    local name=$1 tries
    shift
    for tries in $(seq 1800); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    fail "$name" 'the server does not start'
}

mkdir "$work/pg" "$work/maria"
chown postgres: "$work/pg"
chown mysql: "$work/maria"
as postgres "$bin/initdb" -D "$work/pg/data" -A trust -E UTF8 --no-locale --no-sync >"$work/initdb.log" 2>&1
# Not by a function: the number of the process is that of the server.
setpriv --reuid postgres --regid postgres --init-groups "$bin/postgres" -D "$work/pg/data" -k "$work/pg" -c listen_addresses= -c fsync=off >"$work/pg.log" 2>&1 &
pids+=($!)
(cd "$work/maria" && as mysql mariadb-install-db --no-defaults --datadir="$work/maria/data" \
    --auth-root-authentication-method=normal --skip-test-db >"$work/maria-init.log" 2>&1)
setpriv --reuid mysql --regid mysql --init-groups mariadbd --no-defaults --datadir="$work/maria/data" --socket="$work/maria/s" --skip-networking \
    --pid-file="$work/maria/pid" >"$work/maria.log" 2>&1 &
pids+=($!)
pg() { "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$work/pg" -U postgres "$@"; }
maria() { mariadb --no-defaults -S "$work/maria/s" -u root "$@"; }
until_ready postgresql pg -c 'select 1'
until_ready mariadb maria -e 'select 1'

pg -c 'create database shop'
pg -d shop <<'SQL'
create table customer (
  id integer primary key, name text not null, born date, balance numeric(12, 2) not null, notes jsonb, photo bytea,
  seen timestamptz, code uuid unique
);
insert into customer
select n, 'Käufer ' || md5(n::text), date '1950-01-01' + n % 20000, (n * 37 % 100000) / 100.0,
       jsonb_build_object('n', n, 'tags', jsonb_build_array('a', n % 7)), decode(md5(n::text), 'hex'),
       timestamptz '2020-01-01 00:00:00+00' + n * interval '97 seconds', md5('c' || n)::uuid
from generate_series(1, 20000) n;
create table orders (
  id bigserial primary key, customer integer not null references customer, placed timestamp not null, total double precision,
  is_paid boolean, items text[], address inet, remark text
);
insert into orders (customer, placed, total, is_paid, items, address, remark)
select 1 + n % 20000, timestamp '2021-01-01' + n * interval '11 seconds', sqrt(n), n % 3 = 0, array['i' || n % 50, 'ü'],
       ('10.' || n % 200 || '.' || n % 251 || '.7')::inet, case when n % 10 = 0 then null else repeat(chr(97 + n % 26), n % 40) end
from generate_series(1, 300000) n;
create index on orders (customer, placed);
create view unpaid as select * from orders where not is_paid;
SQL
maria -e 'create database crm'
maria crm <<'SQL'
create table contact (id int primary key, name varchar(80) not null, born date, sum decimal(12, 2), data blob, at datetime) engine=InnoDB;
insert into contact
select seq, concat('Kontakt ', md5(seq)), date_add('1950-01-01', interval seq mod 20000 day), seq * 37 / 100, unhex(md5(seq)),
       date_add('2020-01-01', interval seq minute)
from seq_1_to_30000;
SQL
sqlite3 "$work/till.db" <<'SQL'
create table sale (id integer primary key, what text not null, cents integer, at real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 30000)
insert into sale select i, 'Ware ' || i % 97, i * 37 % 10000, julianday('2024-01-01') + i / 1440.0 from n;
SQL
mkdir -p "$work/files/deep/er"
for n in $(seq 200); do printf 'letter %s\n' "$n" >"$work/files/deep/letter-$n"; done
head -c 3000000 /dev/urandom >"$work/files/deep/er/large"
ln -s letter-1 "$work/files/deep/link"
chmod 640 "$work/files/deep/letter-7"
(cd "$work/files" && find deep -type f -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS)

# --- The policy, and what is captured at backup -----------------------------------------------------

cat >"$work/policy.toml" <<'TOML'
format = 1
name = "drill"
revision = 1
owner = "operator"
reason = "Drills that are real."
timezone = "UTC"
site = "here"

[contact.operator]
kind = "person"
address = "mailto:operator@example.com"

[repository.vault]
owner = "operator"
reason = "Where the drills restore from."
medium = "disk"
site = "here"

[defaults]
owner = "operator"
reason = "Everything is tried."
objectives = { rto = "5min", rpo = "1h" }
copies = { to = ["vault"] }
drills = { every = "1mo", choose = ["latest", "never-tested"], validators = ["sql-integrity", "sql-counts"], scenarios = ["from-nothing", "lost-site"] }

[resource.orders]
kind = "postgresql"

[resource.customers]
kind = "postgresql"

[resource.crm]
kind = "mariadb"

[resource.till]
kind = "sqlite"

[resource.till-file]
kind = "sqlite"

[resource.letters]
kind = "files"

[[rule]]
name = "files"
owner = "operator"
reason = "Files have no database."
match = { kind = ["files"] }
drills = { validators = ["files", "checksums:SHA256SUMS"] }
TOML

captured() { # captured NAME ASK… <QUERIES: a line for each query
    local name=$1 query
    shift
    while read -r query; do
        printf 'sql\t%s\t%s\n' "$query" "$("$@" "$query" | sed -e 's/\\/\\\\/g' -e 's/\t/\\t/g')"
    done >"$work/$name.captured"
}
# Sums are of exact numbers: those of floating-point ones depend on the order of the rows.
captured orders pg -d shop -A -t -F $'\t' -c <<'SQL'
select count(*) from customer
select count(*), sum(customer), sum(total::numeric), count(remark) from orders
select md5(string_agg(md5(concat_ws('|', id, name, born, balance, notes, encode(photo, 'hex'), extract(epoch from seen), code)), '' order by id)) from customer
select md5(string_agg(md5(concat_ws('|', id, customer, placed, total, is_paid, items, address, remark)), '' order by id)) from orders
select last_value from orders_id_seq
select count(*) from unpaid
SQL
captured customers pg -d shop -A -t -F $'\t' -c <<'SQL'
select count(*), sum(balance), min(born), max(length(photo)) from customer
SQL
captured crm maria -N -B crm -e <<'SQL'
select count(*), sum(sum), min(born), max(at) from contact
select sum(crc32(concat_ws('|', id, name, born, sum, hex(data), at))) from contact
SQL
captured till sqlite3 -separator $'\t' "$work/till.db" <<'SQL'
select count(*), sum(cents), min(what), max(what) from sale
select sum(id * cents % 10007) from sale
SQL
cp "$work/till.captured" "$work/till-file.captured"

# --- Backups ----------------------------------------------------------------------------------------

export STRONGROOM_PASSWORD='a drill is not a test' STRONGROOM_REPOSITORY=$work/vault
run() { "$programs/$1" --no-cache "${@:2}"; }
back_up() { run sr-backup --series "$1" --name "$1.dump" --command "${@:2}" >"$work/backup-$1.log"; }
run sr-init --fast-kdf-for-tests >"$work/init.log"
back_up orders "$bin/pg_dump" -h "$work/pg" -U postgres shop
back_up customers "$bin/pg_dump" -h "$work/pg" -U postgres -Fc -t customer shop
back_up crm mariadb-dump --no-defaults -S "$work/maria/s" -u root --single-transaction crm
back_up till sqlite3 "$work/till.db" .dump
back_up till-file cat "$work/till.db"
(cd "$work/files" && run sr-backup --series letters . >"$work/backup-letters.log")

# --- Drills -----------------------------------------------------------------------------------------

sandboxes=$work/s
mkdir "$sandboxes"
chmod 755 "$sandboxes"
drill() { # drill NAME STATUS ARGUMENT…: its report in $work/NAME.json
    local name=$1 wanted=$2 status=0
    shift 2
    run sr-drill --json --sandboxes "$sandboxes" "$work/policy.toml" "$@" >"$work/$name.json" 2>"$work/$name.errors" || status=$?
    [ "$status" -eq "$wanted" ] || {
        cat "$work/$name.json" "$work/$name.errors" >&2
        fail "$name" "it ended with $status, and $wanted was expected"
    }
    nothing_left "$name"
}
in_sandboxes() { # the processes that were started in a sandbox, or those of them with an argument
    SANDBOXES=$sandboxes/drill- ARGUMENT=${1:-} python3 - <<'PY'
import glob, os
wanted = [os.environ[name].encode() for name in ("SANDBOXES", "ARGUMENT")]
for path in glob.glob("/proc/[0-9]*/cmdline"):
    try:
        line = open(path, "rb").read()
        if all(one in line for one in wanted):
            print(path.split("/")[2])
    except OSError:
        pass
PY
}
segments() { ipcs -m | awk '$3 == "postgres" && $6 == 0' | wc -l; } # of shared memory that nobody uses
unused=$(segments)
nothing_left() {
    [ "$(segments)" -le "$unused" ] || fail "$1" 'shared memory is left'
    [ -z "$(ls -A "$sandboxes")" ] || fail "$1" "left in the sandboxes: $(ls "$sandboxes")"
    [ -z "$(in_sandboxes)" ] || fail "$1" "processes are left: $(in_sandboxes)"
}
is() { # is NAME TEXT PYTHON: whether that is so of the lines of $work/NAME.json, and of `d`, the first drill among them
    python3 - "$work/$1.json" "$3" <<'PY' || fail "$1: $2" "$(cat "$work/$1.json")"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
drills = [line["drill"] for line in lines if line["type"] == "drill"]
for line in lines:
    drills += line["scenario"]["reports"] if line["type"] == "scenario" else []
d = drills[0] if drills else None
passed = lambda d: {v["name"] for v in d["validators"] if v["outcome"]["verdict"] == "passed"}
codes = lambda d: [f["code"] for f in d["findings"]]
sys.exit(not eval(sys.argv[2]))
PY
    row "$1: $2" ok
}
rto() { python3 -c 'import json,sys; print([d["drill"]["rto_ms"] for d in map(json.loads, open(sys.argv[1])) if d["type"] == "drill"][0])' "$work/$1.json"; }

for resource in orders customers crm till till-file; do
    run sr-drill --sandboxes "$sandboxes" --record-captured "$work/$resource.captured" "$work/policy.toml" "$resource" >"$work/record-$resource.log"
done

drill orders 0 orders
is orders 'PostgreSQL, 300,000 rows: proven' 'd["verdict"] == "proven" and passed(d) == {"sql-integrity", "sql-counts"}'
is orders 'the dump went through a pipe, into a fresh server' '[p for p, _ in d["phases_ms"]] == "locate plan prepare start load validate clean".split()'
is orders 'the time is measured and allowed' '0 < d["rto_ms"] < d["rto_target_ms"] == 300000 and d["is_cleaned"]'
is orders 'it is in the journal' 'len([line for line in lines if line["type"] == "recorded"][0]["entries"]) == 1'
drill others 0 customers crm till till-file letters --parallel 2
is others 'custom dump, MariaDB, SQLite twice, files: proven' '[d["verdict"] for d in drills] == ["proven"] * 5 and [d["sandbox"] for d in drills] == ["postgresql", "mariadb", "sqlite", "sqlite", "directory"]'
is others 'every validator looked' 'all(len(passed(d)) == 2 for d in drills)'

drill again 0 till
is again 'the journal knows what was proven' '"never-tested: all are; this one longest ago" in d["choice"]'

sed 's/\t300000/\t299999/' "$work/orders.captured" >"$work/wrong.captured"
! cmp -s "$work/wrong.captured" "$work/orders.captured" || fail 'wrong values' 'there is nothing to change'
drill differs 4 orders --captured "$work/wrong.captured" --no-record
is differs 'a row less than at backup: failed' 'd["verdict"] == "failed" and codes(d) == ["sql-differs"]'

# --- What must fail, and what proves nothing --------------------------------------------------------

cp -a "$work/vault" "$work/damaged"
pack=$(cd "$work/damaged" && find pack -type f -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2)
python3 - "$work/damaged/$pack" <<'PY'
import os, sys
size = os.path.getsize(sys.argv[1])
os.chmod(sys.argv[1], 0o600)
with open(sys.argv[1], "r+b") as file:
    for at in range(4096, size - 4096, 65536):
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x55]))
PY
echo "$pack" >"$work/pack"
drill damaged 4 orders letters --repo "$work/damaged"
is damaged 'a damaged pack: failed' 'any(d["verdict"] == "failed" for d in drills)'
is damaged "the finding names it" "any(f['code'] in ('object-damaged', 'entry-damaged') and f['object'] == '$pack' for d in drills for f in d['findings'])"

drill missing 3 orders crm till --programs "$work/nowhere"
is missing 'no program: not proven' '[d["verdict"] for d in drills] == ["not-proven"] * 3 and all(codes(d) == ["sandbox-unavailable"] for d in drills)'
drill small 3 letters --max-bytes 1000
is small 'no room: not proven' 'd["verdict"] == "not-proven" and codes(d) == ["sandbox-no-room"]'
drill slow 3 orders --limit 1
is slow 'out of time: not proven, and cleaned up' 'd["verdict"] == "not-proven" and codes(d) == ["timed-out"] and d["is_cleaned"]'

# --- A drill that is killed -------------------------------------------------------------------------

"$programs/sr-drill" --no-cache --sandboxes "$sandboxes" "$work/policy.toml" orders >/dev/null 2>&1 &
victim=$!
for _ in $(seq 300); do [ -z "$(in_sandboxes --single-transaction)" ] || break; sleep 0.1; done
[ -n "$(in_sandboxes --single-transaction)" ] || fail "a killed drill" "it came to its end before it could be killed"
kill -9 "$victim"
wait "$victim" 2>/dev/null || true
[ -n "$(ls -A "$sandboxes")" ] || fail 'a killed drill' 'it left nothing, and there is nothing to be seen'
[ -n "$(in_sandboxes)" ] || fail 'a killed drill' 'no process of it is left, and there is nothing to be seen'
row 'a killed drill left a folder and processes' ok
drill after 0 letters
is after 'the next drill removed it, with its server' 'd["verdict"] == "proven"'

"$programs/sr-drill" --no-cache --json --sandboxes "$sandboxes" "$work/policy.toml" orders >"$work/term.json" 2>&1 &
victim=$!
for _ in $(seq 200); do [ -z "$(ls -A "$sandboxes")" ] || break; sleep 0.05; done
kill -TERM "$victim"
wait "$victim" && fail 'a drill that is told to end' 'it was proven' || [ $? -eq 3 ] || fail 'a drill that is told to end' 'it did not end with 3'
nothing_left 'a drill that is told to end'
is term 'told to end: not proven, and cleaned up' 'd["verdict"] == "not-proven" and codes(d) == ["cancelled"]'

# --- Disasters --------------------------------------------------------------------------------------

"$programs/sr-kit" write --new-code --no-cache >"$work/kit.txt"
people() { for _ in $(seq 9); do echo Ann; done; }
people | drill nothing 0 letters orders --scenario from-nothing --kit "$work/kit.txt" --people
is nothing 'from nothing but the kit: proven' 'len(drills) == 2 and all(d["verdict"] == "proven" and d["people_ms"] is not None for d in drills)'
drill nobody 3 letters --scenario from-nothing --kit "$work/kit.txt"
is nobody 'nobody confirms: the restore is proven, the scenario is not' 'd["verdict"] == "proven" and lines[0]["scenario"]["verdict"] == "not-proven"'
run sr-copy --replicate --to "$work/elsewhere" >"$work/copy.log"
drill ready 0 letters --scenario lost-site --copy "$work/elsewhere" --ready
row 'lost-site: ready' ok
people | drill site 0 letters --scenario lost-site --copy "$work/elsewhere" --people
is site 'lost-site: proven from the copy elsewhere' 'd["verdict"] == "proven" and d["scenario"] == "lost-site"'
drill unready 3 letters --scenario lost-site --copy "$work/nowhere" --ready
row 'lost-site without a copy: not ready' ok

took=$(rto orders)
row 'time to restore and validate 320,000 rows, measured' "$took ms"
