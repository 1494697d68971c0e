#!/usr/bin/env python3
"""What a store is worth after faults: the n-th change of the disk fails or kills the program, or the power is cut at any of them.

faults.py TUNLOG [--cuts 500] [--every 1]

1. Fault index: `tunlog import` with its n-th write, sync, creation, truncation, renaming or removal failing (no room, an error of the
   disk, interrupted) or killing it, for n from 1 to the last; the same import afterwards, without faults, must leave a store that is
   intact and has every line once.
2. Power cut: every change is recorded; for random places, what was synced is there, and of what was not a random part. The same check.

3. Live (`--serve`): `tunlog serve` over the same logs with its n-th change refused once (no room, quota, an error of the disk, no more open files,
   a read-only disk): it must not end, and keep every line once.

Needs cc. Ends with 1 if a store is broken, or a line lost or doubled."""
import argparse, collections, errno, json, os, pathlib, random, shutil, struct, subprocess, sys, tempfile, time

LINES = 120


def line(number):
    return f"Nov 19 12:{number // 60 % 60:02d}:{number % 60:02d} vpn1 pppd[1]: Peer seq{number:06d} failed CHAP authentication\n"


class Trial:
    def __init__(self, tunlog, shim, folder):
        self.tunlog, self.shim, self.folder = tunlog, shim, folder
        self.store = f"{folder}/store"
        self.logs = [f"{folder}/vpn.log.1", f"{folder}/vpn.log"]
        for half, path in enumerate(self.logs):
            with open(path, "w") as file:
                file.writelines(line(number) for number in range(half * LINES // 2, (half + 1) * LINES // 2))
            os.utime(path, (1763550000, 1763550000))

    def run(self, args, **faults):
        environment = dict(os.environ, TZ="UTC")
        if faults:
            environment |= {"LD_PRELOAD": self.shim, "FAULTS_DIR": self.store, "FAULTS_COUNT": "1"}
            environment |= {f"FAULTS_{key.upper()}": str(value) for key, value in faults.items()}
        return subprocess.run([self.tunlog, *args], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)

    def bring_in(self, **faults):
        return self.run(["import", "--store", self.store, *self.logs, "-q", "--full", "stop"], **faults)

    def judge(self):
        """What is wrong after the same import without faults; None if nothing is."""
        again = self.bring_in()
        if again.returncode != 0:
            return f"cannot go on: {again.stderr.strip()[-300:]}"
        return self.counted()

    def counted(self):
        """What is wrong with what is there."""
        verified = self.run(["store", "verify", self.store])
        if verified.returncode not in (0, 3):
            return f"not intact: {verified.stdout.strip()[-300:]}"
        out = self.run(["decode", "-q", "-o", "jsonl", self.store]).stdout
        counts = collections.Counter(json.loads(row)["fields"]["user"] for row in out.splitlines())
        lost = sum(1 for number in range(LINES) if not counts[f"seq{number:06d}"])
        doubled = sum(count - 1 for count in counts.values())
        return f"lost {lost}, doubled {doubled}" if lost or doubled else None

    def fresh(self):
        shutil.rmtree(self.store, ignore_errors=True)


def fault_index(trial, every):
    trial.fresh()
    counted = trial.bring_in(fail=0)
    changes = int(counted.stderr.rsplit("faults: ", 1)[1].split()[0])
    bad = tried = noticed = 0
    for number in range(1, changes + 1, every):
        for name, code in [("kill", 0), ("ENOSPC", errno.ENOSPC), ("EIO", errno.EIO), ("EINTR", errno.EINTR)]:
            trial.fresh()
            ended = trial.bring_in(fail=number, errno=code)
            tried += 1
            noticed += ended.returncode != 0
            wrong = "panicked" if "panicked" in ended.stderr or ended.returncode < 0 else trial.judge()
            if wrong and not is_store_unmade(trial, wrong):
                bad += 1
                print(f"change {number} {name}: {wrong}", flush=True)
    print(f"fault index: {changes} changes, {tried} trials, {noticed} ended early, {bad} bad", flush=True)
    return bad


def is_store_unmade(trial, wrong):
    """A fault while the store is made leaves no store, and says so: whoever starts removes what is there and goes on."""
    if not wrong.startswith("cannot go on") or os.path.exists(f"{trial.store}/TUNLOG-STORE") or has_records(trial.store):
        return False
    trial.fresh()
    return trial.judge() is None


def has_records(store):
    return any(pathlib.Path(store).rglob("*.parquet"))


def serve(trial, every):
    """The n-th change of a daemon is refused: it goes on. (One that cannot start says so, and whoever starts it tries again.)"""
    refusals = ["ENOSPC", "EDQUOT", "EIO", "EMFILE", "EROFS"]
    bad = tried = unstarted = 0
    number = 1
    while True:
        name = refusals[tried % len(refusals)]
        trial.fresh()
        trial.run(["store", "init", trial.store])
        ended, said, kept = live(trial, fail=number, errno=getattr(errno, name))
        tried += 1
        if not ended and kept is None:
            unstarted += 1
        elif not ended:
            bad += 1
            print(f"change {number} {name}: it ended: {said.strip()[-300:]}", flush=True)
        wrong = judge_live(trial)
        if wrong:
            bad += 1
            print(f"change {number} {name}: {wrong}", flush=True)
        # beyond its last change nothing is refused any more
        if ended and "faults: refused" not in said:
            break
        number += every
    print(f"serve: {number} changes, {tried} trials, {unstarted} did not start, {bad} bad", flush=True)
    return bad


def live(trial, **faults):
    """Whether it ended as it was asked to, what it said, and how many lines it had kept then; None if it never answered."""
    environment = dict(os.environ, TZ="UTC")
    environment |= {"LD_PRELOAD": trial.shim, "FAULTS_DIR": trial.store}
    environment |= {f"FAULTS_{key.upper()}": str(value) for key, value in faults.items()}
    command = [trial.tunlog, "serve", "--store", trial.store, "--follow", f"{trial.folder}/vpn.log*"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    kept, last = None, time.monotonic() + 60
    while process.poll() is None and time.monotonic() < last:
        status = trial.run(["status", "--store", trial.store, "-o", "jsonl"]).stdout
        rows = [json.loads(row) for row in status.splitlines()]
        if rows and rows[0].get("running"):
            kept = rows[0]["stored"]
            if kept >= LINES and rows[0].get("ready"):
                break
        time.sleep(0.05)
    early = process.poll() is not None
    process.terminate()
    said = process.communicate(timeout=60)[1]
    return not early and process.returncode == 0, said, kept


def judge_live(trial):
    """What is wrong after a life without faults."""
    ended, said, kept = live(trial)
    if not ended or kept is None or kept < LINES:
        return f"cannot go on: {said.strip()[-300:]}"
    return trial.counted()


def changes_of(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at < len(data):
        kind = chr(data[at])
        (length,) = struct.unpack_from("<I", data, at + 1)
        name = data[at + 5 : at + 5 + length].decode()
        at += 5 + length
        (length,) = struct.unpack_from("<I", data, at)
        other = data[at + 4 : at + 4 + length].decode()
        at += 4 + length
        place, length = struct.unpack_from("<qQ", data, at)
        at += 16
        yield kind, name, other, place, data[at : at + length]
        at += length


class Disk:
    """A disk that keeps what was synced, and of the rest what chance leaves. Names are changed in order, as journals of file systems
    do; bytes may come in any order until they are synced."""

    def __init__(self):
        self.names, self.files, self.folders = {}, [], []
        self.pending = []  # changes of names that no folder's sync made last

    def play(self, change):
        kind, name, other, place, data = change
        if kind == "d":
            self.folders.append(name)
        elif kind == "c":
            self.names[name] = len(self.files)
            self.files.append({"synced": bytearray(), "later": []})
        elif name in self.names and kind in "wts":
            file = self.files[self.names[name]]
            if kind == "s":
                for later in file["later"]:
                    apply(file["synced"], *later)
                file["later"] = []
            else:
                file["later"].append((kind, place, data))
        elif kind == "r" and name in self.names:
            self.names[other] = self.names.pop(name)
        elif kind == "u":
            self.names.pop(name, None)

    def cut(self, store, chance):
        for folder in self.folders:
            os.makedirs(folder, exist_ok=True)
        for name, number in self.names.items():
            file = self.files[number]
            content = bytearray(file["synced"])
            for later in file["later"]:
                if chance.random() < 0.5:
                    apply(content, *later)
            os.makedirs(os.path.dirname(name), exist_ok=True)
            with open(name, "wb") as out:
                out.write(content)


def apply(content, kind, place, data):
    if kind == "t":
        del content[place:]
        content.extend(b"\0" * (place - len(content)))
        return
    if len(content) < place:
        content.extend(b"\0" * (place - len(content)))
    content[place : place + len(data)] = data


def power_cut(trial, cuts):
    trial.fresh()
    trace = f"{trial.folder}/trace"
    # a store that is there already: to make one is no matter of a moment's power
    trial.run(["store", "init", trial.store])
    made = {str(path): path.read_bytes() for path in pathlib.Path(trial.store).rglob("*") if path.is_file()}
    trial.bring_in(trace=trace)
    changes = list(changes_of(trace))
    chance = random.Random(1)
    places = sorted(chance.randrange(len(changes) + 1) for _ in range(cuts))
    bad = 0
    for place in places:
        disk = Disk()
        for name, content in made.items():
            disk.names[name] = len(disk.files)
            disk.files.append({"synced": bytearray(content), "later": []})
        for change in changes[:place]:
            disk.play(change)
        trial.fresh()
        disk.cut(trial.store, chance)
        wrong = trial.judge()
        if wrong:
            bad += 1
            print(f"cut after change {place} {changes[place - 1][:2] if place else ''}: {wrong}", flush=True)
    print(f"power cut: {len(changes)} changes, {cuts} cuts, {bad} bad", flush=True)
    return bad


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("tunlog")
    parse.add_argument("--cuts", type=int, default=500)
    parse.add_argument("--every", type=int, default=1)
    parse.add_argument("--serve", action="store_true", help="only the live part")
    typed = parse.parse_args()
    folder = tempfile.mkdtemp(prefix="tunlog-faults-")
    shim = f"{folder}/faults.so"
    source = pathlib.Path(__file__).with_name("faults.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-w", "-o", shim, source, "-ldl", "-lpthread"], check=True)
    trial = Trial(os.path.abspath(typed.tunlog), shim, folder)
    if typed.serve:
        bad = serve(trial, typed.every)
    else:
        bad = fault_index(trial, typed.every) + power_cut(trial, typed.cuts)
    shutil.rmtree(folder)
    sys.exit(bool(bad))


main()
