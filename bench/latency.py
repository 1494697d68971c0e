#!/usr/bin/env python3
"""Measures from a line that is written to a followed file until a webhook has the notification of it.

latency.py TUNLOG [--count 200] [--every 0.05]

Each measurement writes the lines of a connection that comes up, and of one that is refused; the clock runs from the write of the line
that decides. Prints median, 99 % and worst, in milliseconds."""
import argparse, datetime, http.server, json, os, random, shutil, statistics, subprocess, sys, tempfile, threading, time

seen = {}


class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        now = time.monotonic()
        for told in walk(json.loads(body)):
            seen.setdefault(told, now)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def walk(value):
    """Every user that a notification names."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "user" and isinstance(part, str):
                yield part
            yield from walk(part)
    elif isinstance(value, list):
        for part in value:
            yield from walk(part)


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("tunlog")
    parse.add_argument("--count", type=int, default=200)
    parse.add_argument("--every", type=float, default=0.05)
    typed = parse.parse_args()
    folder = tempfile.mkdtemp(prefix="tunlog-latency-")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = f"{folder}/tunlog.toml"
    with open(config, "w") as file:
        file.write(f'[follow]\nglobs = ["{folder}/vpn.log"]\n[store]\ndir = "{folder}/store"\n')
        file.write(f'[[notify.webhook]]\nurl = "http://127.0.0.1:{server.server_port}/"\n')
        file.write('only = { sessions = ["connected", "failed"] }\npace = { group = "0s" }\n')
    log = open(f"{folder}/vpn.log", "a", buffering=1)
    daemon = subprocess.Popen([typed.tunlog, "serve", "--config", config], stderr=open(f"{folder}/err", "w"))
    time.sleep(3)
    written = {}

    def say(program, text):
        stamp = datetime.datetime.now().strftime("%b %e %H:%M:%S")
        log.write(f"{stamp} vpn1 {program}: {text}\n")

    for number in range(typed.count):
        pid, ip = 2000 + 2 * number, f"203.0.113.{number % 250 + 1}"
        say(f"pptpd[{pid}]", f"CTRL: Client {ip} control connection started")
        say(f"pptpd[{pid}]", "CTRL: Starting call (launching pppd, opening GRE)")
        say(f"pppd[{pid + 1}]", "pppd 2.4.9 started by root, uid 0")
        say(f"pppd[{pid + 1}]", f"Connect: ppp{number} <--> /dev/pts/{number}")
        if number % 2:
            say(f"pppd[{pid + 1}]", f'peer from calling number {ip} authorized')
            say(f"pppd[{pid + 1}]", "MPPE 128-bit stateless compression enabled")
            say(f"pppd[{pid + 1}]", f"local  IP address 192.168.0.1")
            say(f"pppd[{pid + 1}]", f"pptpd-logwtmp.so ip-up ppp{number} good{number} {ip}")
            written[f"good{number}"] = time.monotonic()
            say(f"pppd[{pid + 1}]", f"remote IP address 192.168.1.{number % 250 + 1}")
        else:
            written[f"bad{number}"] = time.monotonic()
            say(f"pppd[{pid + 1}]", f"Peer bad{number} failed CHAP authentication")
        time.sleep(typed.every * random.random() * 2)
    time.sleep(5)
    daemon.terminate()
    daemon.wait(60)
    for kind in ("good", "bad"):
        took = sorted((seen[user] - at) * 1000 for user, at in written.items() if user.startswith(kind) and user in seen)
        missing = sum(1 for user in written if user.startswith(kind) and user not in seen)
        if not took:
            print(f"{kind}: none of {missing} arrived: {folder}/err")
            continue
        worst = took[min(len(took) - 1, int(len(took) * 0.99))]
        print(f"{kind:5} {len(took)} arrived, {missing} did not: median {statistics.median(took):.1f} ms, 99 % {worst:.1f} ms, worst {took[-1]:.1f} ms")
    shutil.rmtree(folder)


main()
