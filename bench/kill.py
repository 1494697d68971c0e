#!/usr/bin/env python3
"""Kills `tunlog serve` (-9) again and again while numbered lines are written, and counts what the store lost or doubled.

kill.py TUNLOG [--rounds 1000] [--lines 1000000] [--mean 0.3]

Lines go to a file that is rotated now and then (by renaming, by copying and cutting). Between two kills the daemon lives for a random
time (exponential, `--mean` seconds). Ends with 1 if a line is lost or doubled, or the store is not intact."""
import argparse, json, os, random, shutil, subprocess, sys, tempfile, time


def line(number):
    return f"Nov 19 12:{number // 60 % 60:02d}:{number % 60:02d} vpn1 pppd[1]: Peer seq{number:07d} failed CHAP authentication\n"


class Writer:
    """Appends numbered lines, and rotates."""

    def __init__(self, path):
        self.path, self.next, self.rotation = path, 0, 0
        self.file = open(path, "a")

    def write(self, count):
        self.file.write("".join(line(number) for number in range(self.next, self.next + count)))
        self.file.flush()
        self.next += count

    def rotate(self):
        self.rotation += 1
        for number in range(self.rotation - 1, 0, -1):
            os.rename(f"{self.path}.{number}", f"{self.path}.{number + 1}")
        if self.rotation % 2:
            os.rename(self.path, f"{self.path}.1")
            self.file = open(self.path, "a")
        else:
            shutil.copyfile(self.path, f"{self.path}.1")
            os.truncate(self.path, 0)


def serve(tunlog, folder):
    command = [tunlog, "serve", "--store", f"{folder}/store", "--follow", f"{folder}/vpn.log"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open(f"{folder}/err", "a"))


def counted(tunlog, folder, lines):
    """Lines that are lost, and those that are doubled."""
    seen = bytearray(lines)
    doubled = 0
    read = subprocess.Popen([tunlog, "decode", "-q", "-o", "jsonl", f"{folder}/store"], stdout=subprocess.PIPE)
    for row in read.stdout:
        number = int(json.loads(row)["fields"]["user"][3:])
        doubled += seen[number]
        seen[number] = 1
    read.wait()
    return lines - sum(seen), doubled


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("tunlog")
    parse.add_argument("--rounds", type=int, default=1000)
    parse.add_argument("--lines", type=int, default=1_000_000)
    parse.add_argument("--mean", type=float, default=0.3)
    parse.add_argument("--seed", type=int, default=1)
    parse.add_argument("--keep", action="store_true")
    typed = parse.parse_args()
    random.seed(typed.seed)
    folder = tempfile.mkdtemp(prefix="tunlog-kill-")
    writer = Writer(f"{folder}/vpn.log")
    began, rotations = time.time(), 0
    for number in range(typed.rounds):
        process = serve(typed.tunlog, folder)
        left = (typed.lines - writer.next) // (typed.rounds - number)
        until = time.time() + random.expovariate(1 / typed.mean)
        for part in range(4):
            writer.write(left // 4 if part < 3 else left - 3 * (left // 4))
            time.sleep(max(0, (until - time.time()) / (4 - part)))
        if number % 50 == 25:
            writer.rotate()
            rotations += 1
        if process.poll() is not None:
            sys.exit(f"serve ended by itself: {folder}/err")
        process.kill()
        process.wait()
    process = serve(typed.tunlog, folder)
    until = time.time() + 120
    while time.time() < until:
        out = subprocess.run([typed.tunlog, "status", "--store", f"{folder}/store", "-o", "json"], stdout=subprocess.PIPE).stdout
        status = json.loads(out)
        if (status[0] if isinstance(status, list) else status)["stored"] >= typed.lines:
            break
        time.sleep(0.5)
    time.sleep(2)
    process.terminate()
    if process.wait(60) != 0:
        sys.exit(f"serve did not end well: {folder}/err")
    lost, doubled = counted(typed.tunlog, folder, typed.lines)
    verified = subprocess.run([typed.tunlog, "store", "verify", f"{folder}/store"], stdout=subprocess.PIPE, text=True)
    intact = verified.returncode in (0, 3)  # 3: nobody gave a key
    print(f"{typed.rounds} kills, {rotations} rotations, {typed.lines} lines in {time.time() - began:.0f} s: lost {lost}, doubled {doubled}, "
          f"store {'intact' if intact else 'NOT INTACT'}")
    if not typed.keep and not (lost or doubled) and intact:
        shutil.rmtree(folder)
    else:
        print(folder)
    sys.exit(bool(lost or doubled or not intact))


main()
