"""measure.py BIN DIR ROUNDS | --peak COMMAND: runs tunlog and its neighbour in turn on each log of DIR, checks the answers, prints a table.

CPU is user + system time of the process itself, as the kernel counts it. Outputs go through a pipe: GNU grep stops at
the first hit when it writes to /dev/null."""
import json, os, shutil, statistics, subprocess, sys, time

COMMON = ["--tz", "UTC", "--year", "2026", "-q"]
GREP = ["grep", "-c", "failed CHAP authentication"]
# the same packets that tunlog looks at; FILE is where the capture's name belongs
TCPDUMP = ["tcpdump", "-nr", "FILE", "-w", "/dev/null", "tcp port 1723 or proto 47"]
TSHARK = ["tshark", "-nr", "FILE"]
# input, our command, the neighbour, most that CPU may be beside it, what we aim at
PAIRS = [
    ("vpn.log", ["clients"], GREP, 4, 2.5),
    ("vpn.log", ["attempts"], GREP, 4, 2.5),
    ("vpn.log", ["diagnose"], GREP, 5, 3),
    ("vpn.log", ["report"], GREP, 6, 4),
    ("vpn.log", ["decode", "-o", "jsonl"], GREP, 12, 8),
    ("noisy.log", ["clients"], GREP, 2, 1.4),
    ("dense.log", ["clients"], GREP, 8, 5),
    ("vpn.log.gz", ["clients"], ["zcat"], 1, 0.6),
    ("vpn.log.zst", ["clients"], ["zstdcat"], 3, 2),
    ("big.pcap", ["attempts"], TCPDUMP, 1.5, 1),
    # tshark keeps what it saw: a tenth of the capture is enough for it, and the ratio holds for each byte
    ("small.pcap", ["attempts"], TSHARK, 1 / 15, 1 / 15),
]
# input, our command, MiB that the peak may be, what we aim at
PEAKS = [
    ("vpn.log", "clients", 48, 24), ("big.log", "clients", 48 * 1.25, 24 * 1.1), ("wide.log", "clients", 256, 128),
    ("vpn.log", "diagnose", 48, 24), ("big.pcap", "attempts", 64, 32),
]
# connections that genpcap.py has open at a time: as many of those that it counts have not begun, or not ended
PCAP_OPEN = 200


def run(argv):
    """CPU seconds, wall seconds, peak MiB"""
    sink = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    began = time.perf_counter()
    child = subprocess.Popen(argv, stdout=sink.stdin)
    sink.stdin.close()
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    sink.wait()
    if child.returncode not in (0, 1):
        sys.exit("bench: %s: exit status %d" % (" ".join(argv), child.returncode))
    return used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024


def differences(binary, log, truth):
    """what `clients` says otherwise than the truth file"""
    out = subprocess.run([binary, "clients", *COMMON, "-o", "jsonl", log], capture_output=True, text=True, check=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    users = truth["users"].values()
    want = {
        "sessions": truth["established"], "failures": truth["failed"], "sessions_open": truth["open_at_end"],
        "bytes_to_client": sum(u["bytes_to_client"] for u in users) + truth.get("failed_bytes_to_client", 0),
        "bytes_from_client": sum(u["bytes_from_client"] for u in users) + truth.get("failed_bytes_from_client", 0),
    }
    found = []
    for key, right in want.items():
        got = sum(row.get(key, 0) for row in rows)
        alone = right - truth.get("failed_" + key, 0)
        if got not in (right, alone):
            found.append("%s %d, not %d" % (key, got, alone))
    return found


def missed_connections(binary, capture, truth):
    """what `attempts` says of a capture otherwise than the truth file, beyond the connections that its end cuts off"""
    out = subprocess.run([binary, "attempts", *COMMON, "-o", "jsonl", capture], capture_output=True, text=True, check=True).stdout
    attempts = [json.loads(line) for line in out.splitlines()]
    fates = truth["fates"]
    want = {cause: fates.get(cause, 0) for cause in ("wrong-credentials", "gre-blocked")}
    got = {cause: sum(a.get("cause") == cause for a in attempts) for cause in want}
    want["session"], got["session"] = fates.get("ok", 0), sum(a["outcome"] in ("established", "open") for a in attempts)
    return ["%s %d, not %d" % (what, got[what], want[what]) for what in want if not want[what] - PCAP_OPEN <= got[what] <= want[what]]


def answers(binary, folder):
    wrong = 0
    for name in ("vpn.log", "noisy.log", "dense.log", "big.log", "wide.log"):
        log = os.path.join(folder, name)
        if os.path.exists(log):
            with open(log[:-4] + ".json") as file:
                found = differences(binary, log, json.load(file))
            print("answer on %s: %s" % (name, "; ".join(found) or "right"))
            wrong += bool(found)
    for name in ("big.pcap", "small.pcap"):
        capture = os.path.join(folder, name)
        if os.path.exists(capture):
            with open(capture[:-5] + "-pcap.json") as file:
                found = missed_connections(binary, capture, json.load(file))
            print("answer on %s: %s" % (name, "; ".join(found) or "right"))
            wrong += bool(found)
    return wrong


def speed(binary, folder, rounds):
    print("\n| command | beside | CPU, times | wall, times | CPU, s | must | aim |\n|---|---|---:|---:|---:|---:|---:|")
    missed = 0
    for name, command, beside, must, aim in PAIRS:
        log = os.path.join(folder, name)
        if not os.path.exists(log) or not shutil.which(beside[0]):
            continue
        ours = [binary, command[0], *COMMON, *command[1:], log]
        theirs = [log if word == "FILE" else word for word in beside] if "FILE" in beside else [*beside, log]
        run(ours), run(theirs)
        pairs = [(run(ours), run(theirs)) for _ in range(rounds)]
        cpu = statistics.median(a[0] / b[0] for a, b in pairs)
        wall = statistics.median(a[1] / b[1] for a, b in pairs)
        seconds = statistics.median(a[0] for a, _ in pairs)
        print("| `%s` on %s | `%s` | %.3g | %.3g | %.2f | %.3g | %.3g |" % (" ".join(command), name, beside[0], cpu, wall, seconds, must, aim))
        missed += cpu > must
    return missed


def peak_of(argv):
    """peak MiB, by way of a fresh small process: the kernel counts what the forking process held as the child's"""
    return float(subprocess.run([sys.executable, __file__, "--peak", *argv], capture_output=True, text=True, check=True).stdout)


def memory(binary, folder):
    print("\n| command | peak, MiB | must | aim |\n|---|---:|---:|---:|")
    missed = 0
    for name, command, must, aim in PEAKS:
        log = os.path.join(folder, name)
        if os.path.exists(log):
            peak = max(peak_of([binary, command, *COMMON, log]) for _ in range(3))
            print("| `%s` on %s, %.0f MB | %.1f | %g | %g |" % (command, name, os.path.getsize(log) / 1e6, peak, must, aim))
            missed += peak > must
    return missed


def main():
    if sys.argv[1] == "--peak":
        print(run(sys.argv[2:])[2])
        return
    binary, folder, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    bad = answers(binary, folder) + speed(binary, folder, rounds) + memory(binary, folder)
    sys.exit(1 if bad else 0)


main()
