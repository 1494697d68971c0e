#!/usr/bin/env python3
"""How soon `tunlog serve` is there again over a large store.

restart.py TUNLOG MULTIPLY GENLOG FOLDER [--events 100000000] [--attempts 2000000] [--rounds 3]

MULTIPLY is the example of that name of crates/store (built with --release), GENLOG bench/genlog.py of the shared folder; FOLDER is made, and
kept for the next time. A log is made, imported, and its records are multiplied into a store of as many events as asked for; the history of
a first run is multiplied to as many attempts. Then the daemon is started over it, and it is measured when the service manager is told
READY, when HTTP answers, and when what is needed of the past is read back; besides, what `status` and `clients --since` take.

Ends with 1 if READY or HTTP comes later than two seconds after the start (median)."""
import argparse, json, os, pathlib, signal, socket, sqlite3, statistics, subprocess, sys, time, urllib.request

BAR = 2.0
PORT = 9741


def du(folder):
    return sum(file.stat().st_size for file in pathlib.Path(folder).rglob("*") if file.is_file())


def make(typed):
    os.makedirs(typed.folder, exist_ok=True)
    log, small, store = (f"{typed.folder}/{name}" for name in ("log", "small", "store"))
    if not os.path.exists(f"{store}/tunlog-store"):
        options = ["-s", "60M", "--noise", "0", "--debug", "none", "--stamp", "iso", "--days", "2"]
        subprocess.run([sys.executable, typed.genlog, *options, "-o", log], check=True)
        subprocess.run([typed.tunlog, "import", "--store", small, log, "-q"], check=True, stdout=subprocess.DEVNULL)
        status = json.loads(subprocess.run([typed.tunlog, "status", "--store", small, "-o", "jsonl"], check=True, stdout=subprocess.PIPE).stdout)
        times = -(-typed.events // status["sealed"])
        began = time.time()
        made = subprocess.run([typed.multiply, small, store, str(times)], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        print(f"made a store of {made} events, {du(store) / 1e9:.2f} GB, in {time.time() - began:.0f} s", flush=True)
    return store


def multiply_history(store, attempts):
    db = sqlite3.connect(f"{store}/history.db")
    (known,) = db.execute("SELECT COUNT(*) FROM attempt").fetchone()
    if not known or known >= attempts:
        return
    columns = [row[1] for row in db.execute("PRAGMA table_info(attempt)") if row[1] not in ("row", "id")]
    times = {"started", "up", "ended", "last_seen"}
    first, last = db.execute("SELECT MIN(started), MAX(last_seen) FROM attempt").fetchone()
    for round in range(1, attempts // known):
        later = [f"{name} - {(last - first) * round}" if name in times else name for name in columns]
        db.execute(f"INSERT INTO attempt (id, {', '.join(columns)}) SELECT random(), {', '.join(later)} FROM attempt WHERE started >= {first} AND outcome <> 'open'")
    db.commit()
    (known,) = db.execute("SELECT COUNT(*) FROM attempt").fetchone()
    db.close()
    print(f"history: {known} attempts, {os.path.getsize(store + '/history.db') / 1e9:.2f} GB", flush=True)


class Run:
    """One life of the daemon."""

    def __init__(self, typed, store):
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = f"{typed.folder}/notify"
        if os.path.exists(path):
            os.unlink(path)
        self.manager.bind(path)
        self.manager.settimeout(60)
        empty = f"{typed.folder}/empty.log"
        open(empty, "a").close()
        self.err = open(f"{typed.folder}/err", "w")
        command = [typed.tunlog, "serve", "--store", store, "--follow", empty, "--http", f"127.0.0.1:{PORT}"]
        self.began = time.monotonic()
        self.process = subprocess.Popen(command, env=dict(os.environ, NOTIFY_SOCKET=path), stderr=self.err)

    def ready(self):
        while b"READY=1" not in self.manager.recv(4096):
            pass
        return time.monotonic() - self.began

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=60) as answer:
            return answer.read().decode()

    def answers(self):
        while True:
            try:
                self.metrics()
                return time.monotonic() - self.began
            except OSError:
                if self.process.poll() is not None:
                    sys.exit("serve ended: see err")
                time.sleep(0.005)

    def caught_up(self):
        while "\nvpn_ready 1\n" not in self.metrics():
            time.sleep(0.05)
        return time.monotonic() - self.began

    def peak(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(120) != 0:
            print("serve did not end well", flush=True)
        self.manager.close()


def timed(what, command):
    began = time.monotonic()
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    print(f"{what}: {time.monotonic() - began:.2f} s (exit {ended.returncode})", flush=True)


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("tunlog", "multiply", "genlog", "folder"):
        parse.add_argument(name)
    parse.add_argument("--events", type=int, default=100_000_000)
    parse.add_argument("--attempts", type=int, default=2_000_000)
    parse.add_argument("--rounds", type=int, default=3)
    typed = parse.parse_args()
    store = make(typed)
    if not os.path.exists(f"{store}/history.db"):
        first = Run(typed, store)
        print(f"first run: READY {first.ready():.2f} s, HTTP {first.answers():.2f} s, read back {first.caught_up():.1f} s, peak {first.peak():.0f} MiB", flush=True)
        first.end()
        multiply_history(store, typed.attempts)
    rows = []
    for _ in range(typed.rounds):
        run = Run(typed, store)
        rows.append((run.ready(), run.answers(), run.caught_up(), run.peak()))
        print("restart: READY {:.2f} s, HTTP {:.2f} s, read back {:.1f} s, peak {:.0f} MiB".format(*rows[-1]), flush=True)
        timed("status of it while it runs", [typed.tunlog, "status", "--store", store])
        run.end()
    timed("status", [typed.tunlog, "status", "--store", store])
    timed("clients --since -1h", [typed.tunlog, "clients", store, "--since", "-1h"])
    late = max(statistics.median(row[at] for row in rows) for at in (0, 1))
    print(f"median of the later of READY and HTTP: {late:.2f} s, at most {BAR:.1f}")
    sys.exit(late > BAR)


main()
