#!/usr/bin/env python3
"""Runs `tunlog serve` through every rotation scenario: live, down during the change, and killed (-9) at a random time.

rotation.py TUNLOG ROTATION_WRITER [--lines N] [--only SCENARIO] [--mode MODE]

ROTATION_WRITER is corpus/hostile/rotation_writer.py of the shared folder. Each case has a folder of its own; afterwards the store
must hold every line once. Ends with 1 if a case lost or doubled one."""
import argparse, collections, json, os, pathlib, random, shutil, signal, subprocess, sys, tempfile, time

SCENARIOS = """rename-create copytruncate copytruncate-longer truncate-noappend inode-reuse partial-line gz-of-read-file symlink-switch
same-header many-rotations recreate rewrite-same-size""".split()
MODES = ["live", "down", "kill"]


def serve(tunlog, logs, store):
    command = [tunlog, "serve", "--store", store, "--follow", f"{logs}/vpn*.log"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open(f"{store}.err", "a"))


def stored(tunlog, store):
    """How often each line is in the store."""
    out = subprocess.run([tunlog, "decode", "-q", "-o", "jsonl", store], stdout=subprocess.PIPE).stdout
    users = (json.loads(line)["fields"].get("user", "") for line in out.splitlines())
    return collections.Counter(users)


def read_so_far(tunlog, store):
    status = subprocess.run([tunlog, "status", "--store", store, "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        answer = json.loads(status.stdout)
    except ValueError:
        return None
    return (answer[0] if isinstance(answer, list) else answer)["stored"]


def settle(tunlog, store, lines, seconds):
    """Waits until all lines are there, or for so long."""
    until = time.time() + seconds
    while time.time() < until and (read_so_far(tunlog, store) or 0) < lines:
        time.sleep(0.3)


def end(process):
    process.send_signal(signal.SIGTERM)
    if process.wait(60) != 0:
        raise SystemExit("serve did not end well")


def write(writer, logs, scenario, lines, reached):
    """Runs the writer step by step: `reached(step)` is called after each thing it says."""
    pause = "1.2"
    process = subprocess.Popen([sys.executable, writer, logs, scenario, str(lines), pause], stdout=subprocess.PIPE, text=True)
    for step, said in enumerate(process.stdout):
        reached(step, said.strip())
    process.wait()


def case(tunlog, writer, scenario, mode, lines, folder):
    logs, store = f"{folder}/logs", f"{folder}/store"
    os.makedirs(logs)
    running = [serve(tunlog, logs, store)]
    time.sleep(0.5)

    def live(step, said):
        pass

    def down(step, said):
        # the reader has seen the first step, and is away during the change
        if step == 0:
            time.sleep(0.7)
            end(running.pop())

    def kill(step, said):
        time.sleep(random.random())
        if running:
            process = running.pop()
            process.kill()
            process.wait()
        running.append(serve(tunlog, logs, store))

    write(writer, logs, scenario, lines, {"live": live, "down": down, "kill": kill}[mode])
    if not running:
        running.append(serve(tunlog, logs, store))
    settle(tunlog, store, lines, 20)
    time.sleep(1)  # what would come twice has come
    end(running.pop())
    counts = stored(tunlog, store)
    wanted = [f"seq{number:06}" for number in range(lines)]
    lost = sum(1 for user in wanted if not counts[user])
    doubled = sum(counts[user] - 1 for user in wanted if counts[user] > 1)
    strange = sum(count for user, count in counts.items() if user and user not in set(wanted))
    return lost, doubled, strange


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("tunlog")
    parse.add_argument("writer")
    parse.add_argument("--lines", type=int, default=10000)
    parse.add_argument("--only")
    parse.add_argument("--mode")
    parse.add_argument("--keep", action="store_true", help="keep the folders of cases that failed")
    typed = parse.parse_args()
    random.seed(1)
    bad = total = 0
    for scenario in [typed.only] if typed.only else SCENARIOS:
        for mode in [typed.mode] if typed.mode else MODES:
            folder = tempfile.mkdtemp(prefix=f"tunlog-{scenario}-{mode}-")
            lost, doubled, strange = case(typed.tunlog, typed.writer, scenario, mode, typed.lines, folder)
            total += 1
            wrong = bool(lost or doubled or strange)
            bad += wrong
            print(f"{'BAD ' if wrong else 'good'} {scenario:20} {mode:5} lost {lost}, doubled {doubled}, strange {strange}", flush=True)
            if not (wrong and typed.keep):
                shutil.rmtree(folder)
            else:
                print(f"     {folder}")
    print(f"{total - bad} of {total} cases lost and doubled nothing")
    sys.exit(bool(bad))


main()
