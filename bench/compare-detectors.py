#!/usr/bin/env python3
"""Compares `tunlog detect` with fail2ban and with CrowdSec's rules on months whose truth is known.

  bench/compare-detectors.py [--bin TUNLOG] [--seeds N] [--keep DIR] [--write docs/detection.md] [DIR ...]

Months are made by `testkit::life` (300 people, 30 days; crates/testkit/examples/month_logs.rs): pptpd's and pppd's syslog, FreeRADIUS's log of
the same logins, and the truth. DIR adds logs of that form (syslog[.gz], radius.log[.gz], truth.json), the exam's too.

* tunlog reads `syslog` alone (and `radius.log` where the truth says that pppd is 2.4.9, which names nobody at success): it joins itself.
* fail2ban and CrowdSec read `radius.log`, because no line of pptpd or pppd names address and user together. Which lines count is decided by
  the real fail2ban (`fail2ban-regex` with the filter of `tunlog export-rules`), so a refusal because of an outage does not count for
  either. The server's own judgement goes by the wall clock and cannot replay a month; its rule (jail.conf: maxretry 5, findtime 10 min,
  bantime 10 min) is written anew here, in event time.
* CrowdSec's rules are leaky buckets with the parameters of its hub (snapshot 2026-08-22): ssh-bf capacity 5, leakspeed 10 s; ssh-slow-bf 10, 60 s;
  the same with distinct names (user-enum); and those of `tunlog export-rules crowdsec`: 5, 2 min, and 5 names, 10 min. `--crowdsec` lets the
  real crowdsec judge the first month by the last two, to see that the buckets here are as it has them.

What is judged is the same for all: an alarm is right if at least half of its addresses attack. False alarms are counted once for a rule,
an address and a day; `honest` counts the addresses of people who had logged in before and are named as attackers.
"""

import argparse
import collections
import datetime
import gzip
import ipaddress
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLASSES = {
    "a1": "one source, fast",
    "b1": "one try in a quarter of an hour",
    "b2": "one try in three hours",
    "b3": "four tries, then a rest",
    "s1": "spray within an hour",
    "s2": "spray, one try in 20 minutes",
    "e1": "enumeration of names",
    "d1": "200 sources, one account",
    "d2": "500 sources, all accounts",
    "c1": "stuffing from 300 sources",
    "g1": "guess that succeeds",
    "x1": "stolen password beside its owner",
    "n1": "rotating /24",
    "m1": "spray on the morning of expiry",
    "o1": "guessing during the outage",
    "p1": "five sources in turn",
}
QUIET = {"stale-password", "backend-outage", "log-gap", "clock-jump"}
# rules about an account may name its owner's addresses
OF_ACCOUNTS = {"concurrent-sessions", "success-after-failures"}
DAY = 86_400
Alarm = collections.namedtuple("Alarm", "rule time sources key")


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def run(argv, **options):
    return subprocess.run([str(word) for word in argv], check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def plain(folder, name):
    """A log, unpacked if need be."""
    path = folder / name
    if path.exists() or not (folder / f"{name}.gz").exists():
        return path
    out = pathlib.Path(tempfile.mkdtemp()) / name
    out.write_bytes(gzip.decompress((folder / f"{name}.gz").read_bytes()))
    return out


# --- who alarms -----------------------------------------------------------------------------------------------------------------


def tunlog(binary, folder, truth):
    environment = {"TZ": "UTC", "PATH": os.environ["PATH"], "XDG_CONFIG_HOME": "/nonexistent"}
    logs = [plain(folder, "syslog")]
    if truth.get("pppd") == "2.4.9":
        # without debug it names nobody at success
        logs.append(plain(folder, "radius.log"))
    argv = [binary, "detect", *logs, "-q", "-o", "jsonl", "--year", truth["year"]]
    ran = subprocess.run([str(word) for word in argv], stdout=subprocess.PIPE, text=True, env=environment)
    if ran.returncode not in (0, 1):
        sys.exit(f"{binary} ended with {ran.returncode}")
    for line in ran.stdout.splitlines():
        finding = json.loads(line)
        if finding["severity"] in ("info", "low") or finding["rule"] in QUIET:
            continue
        sources = [ipaddress.ip_network(source) for source in finding["sources"]]
        key = str(sources[0]) if sources else str(finding["users"][:1])
        yield Alarm(finding["rule"], seconds(finding["alarm_time"]), sources, key)


REFUSED = re.compile(r"\[(?P<user>.*)\] \(from client \S+ port \d+ cli \S+\)$")


def refusals(folder, year, filter_file):
    """Time, address and name of the lines that fail2ban's filter takes, by the real fail2ban."""
    ran = subprocess.run(
        ["fail2ban-regex", "-o", "<ip>|<msg>", str(plain(folder, "radius.log")), str(filter_file)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace", env={"TZ": "UTC", "PATH": os.environ["PATH"]},
    )
    found = []
    for line in ran.stdout.splitlines():
        address, _, text = line.partition("|")
        user = REFUSED.search(text)
        if not user:
            continue
        time = datetime.datetime.strptime(text[:24], "%a %b %d %H:%M:%S %Y").replace(tzinfo=datetime.timezone.utc)
        found.append((time.timestamp(), ipaddress.ip_address(address), user["user"]))
    return sorted(found, key=lambda refusal: refusal[0])


def alarm(rule, time, address):
    return Alarm(rule, time, [ipaddress.ip_network(address)], str(address))


def fail2ban(failures, maxretry=5, findtime=600, bantime=600):
    """jail.conf's defaults. Who is banned does not come through, so what he would have tried does not count."""
    recent, banned = collections.defaultdict(list), {}
    for time, address, _ in failures:
        if banned.get(address, 0) > time:
            continue
        recent[address] = [past for past in recent[address] if past > time - findtime] + [time]
        if len(recent[address]) >= maxretry:
            banned[address] = time + bantime
            del recent[address]
            yield alarm("ban", time, address)


def bucket(failures, rule, capacity, leak, distinct=False, blackhole=60):
    """A leaky bucket for each address: it overflows with the event above its capacity (CrowdSec, scenarios, `type: leaky`)."""
    level, last, names, quiet = {}, {}, {}, {}
    for time, address, user in failures:
        if quiet.get(address, 0) > time:
            continue
        left = max(0.0, level.get(address, 0.0) - (time - last.get(address, time)) / leak)
        if left == 0.0:
            names[address] = set()
        last[address], level[address] = time, left
        if distinct:
            if user in names[address]:
                continue
            names[address].add(user)
        level[address] = left + 1
        if level[address] > capacity:
            level[address], names[address], quiet[address] = 0.0, set(), time + blackhole
            yield alarm(rule, time, address)


def hub(failures):
    for rule, capacity, leak, distinct in [
        ("bf", 5, 10, False), ("bf_user-enum", 5, 10, True), ("slow-bf", 10, 60, False), ("slow-bf_user-enum", 10, 60, True),
    ]:
        yield from bucket(failures, rule, capacity, leak, distinct)


def exported(failures):
    yield from bucket(failures, "vpn-bf", 5, 120, False, 300)
    yield from bucket(failures, "vpn-user-enum", 5, 600, True, 300)


# --- what it is worth -----------------------------------------------------------------------------------------------------------


class Score:
    def __init__(self):
        self.classes = collections.defaultdict(lambda: [0, 0, []])
        self.false, self.honest, self.weeks, self.incidents = 0, set(), 0.0, collections.Counter()
        self.alarms = 0

    def judge(self, name, truth, alarms):
        address = ipaddress.ip_address
        campaigns = [
            ({address(source) for source in one["sources"]}, sorted(one["attempt_times"]), one["class"]) for one in truth["campaigns"]
        ]
        attackers = set().union(*(sources for sources, _, _ in campaigns))
        innocent = {address(ip): first for ip, first in truth["innocent"].items()}
        background = {address(ip) for ip in truth["background"]}
        everybody = attackers | set(innocent) | background
        first, seen = [None] * len(campaigns), set()
        self.weeks += truth["days"] / 7
        for alarm in alarms:
            self.alarms += 1
            named = set()
            for network in alarm.sources:
                named |= {network.network_address} if network.num_addresses == 1 else {ip for ip in everybody if ip in network}
            bad = len(named & attackers)
            right = bad > 0 and (alarm.rule in OF_ACCOUNTS or 2 * bad >= len(named))
            for at, (sources, times, _) in enumerate(campaigns):
                if right and named & sources and times[0] - 3 <= alarm.time <= times[-1] + DAY:
                    tries = max(1, sum(time <= alarm.time for time in times))
                    first[at] = min(first[at] or tries, tries)
            if alarm.rule not in OF_ACCOUNTS:
                self.honest |= {(name, ip) for ip in named - attackers if innocent.get(ip, alarm.time + 1) <= alarm.time}
            if right or (named and named <= background):
                continue
            day = (alarm.rule, alarm.key, alarm.time // DAY)
            if day in seen:
                continue
            seen.add(day)
            self.false += 1
        for (_, _, kind), tries in zip(campaigns, first):
            entry = self.classes[kind]
            entry[0] += 1
            if tries is not None:
                entry[1] += 1
                entry[2].append(tries)

    def cell(self, kind):
        total, found, tries = self.classes.get(kind, (0, 0, []))
        if not total:
            return ""
        return f"{found}/{total}" + (f", {statistics.median_low(tries)}" if tries else "")

    def recall(self):
        total = sum(entry[0] for entry in self.classes.values())
        return 100 * sum(entry[1] for entry in self.classes.values()) / max(1, total)


def table(title, scores):
    heads = list(scores)
    kinds = [kind for kind in CLASSES if any(score.classes.get(kind) for score in scores.values())]
    kinds += sorted({kind for score in scores.values() for kind in score.classes} - set(CLASSES))
    rows = [[title] + heads] + [[CLASSES.get(kind, kind)] + [scores[head].cell(kind) for head in heads] for kind in kinds]
    rows.append(["**all campaigns**"] + [f"{scores[head].recall():.0f} %" for head in heads])
    rows.append(["false alarms a week"] + [f"{scores[head].false / scores[head].weeks:.1f}" for head in heads])
    rows.append(["honest addresses named"] + [str(len(scores[head].honest)) for head in heads])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" + "|---:" * len(heads) + "|")
    return "\n".join(lines)


# --- the real crowdsec ----------------------------------------------------------------------------------------------------------


def real_crowdsec(binary, folder):
    """Who overflowed which bucket, by crowdsec in its time machine; its local API is one that agrees to everything."""
    import http.server
    import threading

    class Agree(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = {"code": 200, "expire": "2099-01-01T00:00:00Z", "token": "eyJhbGciOiJIUzI1NiJ9.e30.x"}
            answer = json.dumps(token if "login" in self.path else ["1"]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_HEAD = do_POST

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Agree)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        run([binary, "export-rules", "crowdsec", "--to", root / "conf", "-q"])
        for part in ["conf/parsers/s00-raw", "conf/parsers/s02-enrich", "data", "hub"]:
            (root / part).mkdir(parents=True)
        (root / "conf/patterns").symlink_to("/etc/crowdsec/patterns")
        files = {
            "conf/simulation.yaml": "simulation: off\n",
            "hub/.index.json": '{"parsers":{},"scenarios":{},"postoverflows":{},"collections":{}}',
            "credentials.yaml": f"url: http://127.0.0.1:{server.server_port}\nlogin: x\npassword: x\n",
            "conf/parsers/s00-raw/raw.yaml": 'filter: "true"\nonsuccess: next_stage\nname: test/raw\nstatics:\n'
            "  - parsed: message\n    expression: evt.Line.Raw\n",
            "conf/parsers/s02-enrich/date.yaml": "filter: \"evt.StrTime != ''\"\nname: test/date\nstatics:\n  - method: ParseDate\n"
            "    expression: evt.StrTime\n  - target: MarshaledTime\n    expression: evt.Enriched.MarshaledTime\n",
            "config.yaml": "common: {daemonize: false, log_media: stdout, log_level: info, working_dir: .}\n"
            f"config_paths: {{config_dir: {root}/conf/, data_dir: {root}/data/, simulation_path: {root}/conf/simulation.yaml, "
            f"hub_dir: {root}/hub/, index_path: {root}/hub/.index.json}}\ncrowdsec_service: {{parser_routines: 1}}\n"
            f"api: {{client: {{credentials_path: {root}/credentials.yaml}}}}\nprometheus: {{enabled: false}}\n"
            f"db_config: {{type: sqlite, db_path: {root}/data/x.db}}\n",
        }
        for path, text in files.items():
            (root / path).write_text(text)
        argv = ["crowdsec", "-c", root / "config.yaml", "-dsn", f"file://{plain(folder, 'radius.log')}", "-type", "freeradius", "-no-api", "-no-capi"]
        said = run(argv, stderr=subprocess.STDOUT)
    found = re.findall(r"Ip (\S+) performed 'tunlog/([\w-]+)' .* at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", said)
    return {(rule, address) for address, rule, _ in found}


# --- all together ---------------------------------------------------------------------------------------------------------------


def months(seeds, keep):
    build = ["cargo", "build", "-q", "-p", "tunlog-testkit", "--example", "month_logs"]
    run(build, cwd=ROOT)
    metadata = json.loads(run(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT))
    program = pathlib.Path(metadata["target_directory"]) / "debug/examples/month_logs"
    for seed in range(1, seeds + 1):
        folder = keep / f"month-{seed}"
        if not (folder / "truth.json").exists():
            run([program, seed, folder])
        yield folder


def compare(binary, folders, filter_file, check):
    names = ["tunlog detect", "fail2ban", "CrowdSec's ssh rules", "export-rules crowdsec"]
    scores = {name: Score() for name in names}
    for folder in folders:
        truth = json.loads((folder / "truth.json").read_text())
        scores[names[0]].judge(folder.name, truth, list(tunlog(binary, folder, truth)))
        if not plain(folder, "radius.log").exists():
            print(f"{folder}: no radius.log, and on the gateway's own lines fail2ban and CrowdSec see nothing", file=sys.stderr)
            failures = []
        else:
            failures = refusals(folder, truth["year"], filter_file)
        for name, rule in zip(names[1:], [fail2ban, hub, exported]):
            scores[name].judge(folder.name, truth, list(rule(failures)))
        if check:
            ours = {(alarm.rule, alarm.key) for alarm in exported(failures)}
            real = real_crowdsec(binary, folder)
            print(f"{folder.name}: crowdsec {len(real)} pairs of rule and address, the buckets here {len(ours)}, both {len(real & ours)}")
            check = False
        print(f"{folder.name}: {len(failures)} refusals", file=sys.stderr)
    return scores


BEGIN, END = "<!-- compare-detectors: begin -->", "<!-- compare-detectors: end -->"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dirs", nargs="*", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--bin", default=ROOT / "target/release/tunlog", type=pathlib.Path)
    parser.add_argument("--seeds", default=10, type=int)
    parser.add_argument("--keep", type=pathlib.Path, help="make the months here, and use those that are here")
    parser.add_argument("--write", type=pathlib.Path, help="put the table between the marks in this file")
    parser.add_argument("--crowdsec", action="store_true", help="let the real crowdsec judge the first month, too")
    typed = parser.parse_args()
    typed.bin = typed.bin.resolve()
    with tempfile.TemporaryDirectory() as name:
        rules = pathlib.Path(name) / "rules"
        run([typed.bin, "export-rules", "fail2ban", "--to", rules, "-q"])
        filter_file = rules / "filter.d/tunlog-freeradius.conf"
        keep = typed.keep or pathlib.Path(name) / "months"
        tables = []
        if typed.seeds:
            scores = compare(typed.bin, list(months(typed.seeds, keep)), filter_file, typed.crowdsec)
            tables.append(table(f"{typed.seeds} made-up months", scores))
        for folder in typed.dirs:
            tables.append(table(folder.name, compare(typed.bin, [folder], filter_file, False)))
    text = "\n\n".join(tables)
    print(text)
    if typed.write and typed.seeds:
        page = typed.write.read_text()
        before, _, rest = page.partition(BEGIN)
        _, _, after = rest.partition(END)
        typed.write.write_text(f"{before}{BEGIN}\n{tables[0]}\n{END}{after}")


if __name__ == "__main__":
    main()
