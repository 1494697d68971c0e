#!/usr/bin/env python3
"""Runs `tunlog serve` for a while under load, with everything that goes wrong in real life, and counts what it lost.

soak.py TUNLOG LOG FOLDER [--minutes 30] [--rate 20000]

LOG is a log made by bench/genlog.py of the shared folder; its lines are written again with the present as their stamp, and every
hundredth line is a numbered one of ours. FOLDER lies on a disk of its own that may be filled (a tmpfs of 4 GiB will do). Meanwhile the
log is rotated each minute (by renaming, by copying and cutting), the daemon is stopped, or killed (-9), every two minutes, the
webhook is dead for a third of the time, and the disk is full twice. Ends with 1 if a line is lost or doubled."""
import argparse, http.server, json, os, shutil, signal, subprocess, sys, threading, time

told = 0


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global told
        self.rfile.read(int(self.headers["Content-Length"]))
        told += 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def numbered(number):
    return b"vpn1 pppd[1]: Peer seq%08d failed CHAP authentication\n" % number


def blocks(path, lines):
    """Stretches of a log without stamps, over and over."""
    while True:
        with open(path, "rb") as file:
            block = []
            for line in file:
                block.append(line[16:])
                if len(block) == lines:
                    yield block
                    block = []


class Daemon:
    def __init__(self, tunlog, folder):
        self.tunlog, self.folder, self.process = tunlog, folder, None
        self.rss = []

    def start(self):
        command = [self.tunlog, "serve", "--config", f"{self.folder}/tunlog.toml"]
        self.process = subprocess.Popen(command, stderr=open(f"{self.folder}/err", "a"))

    def end(self, how):
        self.process.send_signal(how)
        if self.process.wait(120) != 0 and how == signal.SIGTERM:
            print("serve did not end well", flush=True)

    def measure(self):
        try:
            with open(f"/proc/{self.process.pid}/status") as status:
                for line in status:
                    if line.startswith("VmRSS"):
                        self.rss.append(int(line.split()[1]) // 1024)
        except OSError:
            pass


def rotate(path, number):
    for old in range(min(number, 6), 0, -1):
        if os.path.exists(f"{path}.{old}"):
            os.rename(f"{path}.{old}", f"{path}.{old + 1}")
    if number % 2:
        os.rename(path, f"{path}.1")
    else:
        shutil.copyfile(path, f"{path}.1")
        os.truncate(path, 0)
    return open(path, "ab")


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("tunlog")
    parse.add_argument("log")
    parse.add_argument("folder")
    parse.add_argument("--minutes", type=float, default=30)
    parse.add_argument("--rate", type=int, default=20000)
    typed = parse.parse_args()
    folder, seconds = typed.folder, typed.minutes * 60
    logs = folder + "-logs"  # on another disk: what is full is the store's
    for made in (folder, logs):
        os.makedirs(made, exist_ok=True)
    hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    port = hook.server_port
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    with open(f"{folder}/tunlog.toml", "w") as config:
        config.write(f'[follow]\nglobs = ["{logs}/vpn.log"]\n[store]\ndir = "{folder}/store"\n')
        config.write(f'[[notify.webhook]]\nurl = "http://127.0.0.1:{port}/"\nonly = {{ sessions = ["connected"] }}\n')
    path = f"{logs}/vpn.log"
    file = open(path, "ab")
    daemon = Daemon(typed.tunlog, folder)
    daemon.start()
    source = blocks(typed.log, typed.rate // 20 - typed.rate // 2000)
    began = time.time()
    number = step = rotations = restarts = fills = 0
    balloon, dead = f"{folder}/balloon", False
    while time.time() - began < seconds:
        stamp = time.strftime("%b %e %H:%M:%S ").encode()
        block = next(source)
        mine = [numbered(number + at) for at in range(typed.rate // 2000)]
        number += len(mine)
        file.write(b"".join(stamp + line for line in block + mine))
        file.flush()
        step += 1
        passed = time.time() - began
        if step % 100 == 0:
            daemon.measure()
        if step % 1200 == 600:
            rotations += 1
            file.close()
            file = rotate(path, rotations)
        if step % 2400 == 1800:
            restarts += 1
            daemon.end(signal.SIGKILL if restarts % 2 else signal.SIGTERM)
            daemon.start()
        if fills < 2 and passed > seconds * (0.35 + 0.3 * fills):
            fills += 1
            with open(balloon, "wb") as full:
                try:
                    while True:
                        full.write(b"\0" * (1 << 20))
                        full.flush()
                except OSError:
                    pass
            full_since = passed
        if os.path.exists(balloon) and passed > full_since + 20:
            os.unlink(balloon)
        if not dead and seconds / 3 < passed < seconds * 2 / 3:
            hook.server_close()
            hook.shutdown()
            dead = True
        if dead and passed > seconds * 2 / 3:
            hook = http.server.ThreadingHTTPServer(("127.0.0.1", port), Hook)
            threading.Thread(target=hook.serve_forever, daemon=True).start()
            dead = False
        time.sleep(max(0, began + step / 20 - time.time()))
    if os.path.exists(balloon):
        os.unlink(balloon)
    wrote = step * typed.rate // 20
    print(f"wrote {wrote} lines in {time.time() - began:.0f} s, {rotations} rotations, {restarts} restarts, {fills} full disks", flush=True)
    until = time.time() + 300
    status = {}
    while time.time() < until:
        out = subprocess.run([typed.tunlog, "status", "--store", f"{folder}/store", "-o", "json"], stdout=subprocess.PIPE).stdout
        status = json.loads(out)
        status = status[0] if isinstance(status, list) else status
        if status["read"] >= wrote:
            break
        time.sleep(1)
    time.sleep(3)
    daemon.measure()
    daemon.end(signal.SIGTERM)
    print({key: status[key] for key in ("read", "stored", "filtered", "rejected", "unparsed", "lost", "gaps")}, flush=True)
    seen, doubled = bytearray(number), 0
    grep = subprocess.Popen(f"'{typed.tunlog}' decode -q -o jsonl '{folder}/store' | grep -o '\"user\":\"seq[0-9]*'", shell=True, stdout=subprocess.PIPE)
    for row in grep.stdout:
        at = int(row[11:])
        doubled += seen[at]
        seen[at] = 1
    grep.wait()
    lost = number - sum(seen)
    parts = [daemon.rss[at * len(daemon.rss) // 6 : (at + 1) * len(daemon.rss) // 6] for at in range(6)]
    print(f"numbered {number}: lost {lost}, doubled {doubled}; told {told}; memory by sixths, MiB at most: {[max(part, default=0) for part in parts]}")
    verified = subprocess.run([typed.tunlog, "store", "verify", f"{folder}/store"], stdout=subprocess.PIPE, text=True)
    print(verified.stdout.strip().splitlines()[-1])
    sys.exit(bool(lost or doubled or verified.returncode not in (0, 3)))


main()
