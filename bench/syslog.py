#!/usr/bin/env python3
"""CPU that a syslog message costs: `tunlog serve` receiving, decoding, keeping and watching, beside rsyslogd writing a file.

Usage: bench/syslog.py PROGRAM LOG [--messages 1000000] [--transport tcp|udp] [--rate N] [--rounds 3]

LOG is a syslog file (../shared/bench/genlog.py); its lines are sent with the stamp of now. With --rate N so many a second are
sent, else as fast as they are taken. Prints microseconds of CPU a message for each, and what tunlog lost. rsyslogd is left out
where it is not installed.
"""
import argparse, json, os, shutil, socket, subprocess, sys, tempfile, time

def cpu(pid):
    fields = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

def peak(pid):
    return int(open(f'/proc/{pid}/status').read().split('VmHWM:')[1].split()[0]) // 1024

def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]

def await_port(port, transport):
    deadline = time.time() + 20
    while time.time() < deadline:
        lines = open(f'/proc/net/{transport}').read().split('\n')[1:]
        if any(f':{port:04X} ' in line.split(' 00000000:0000')[0] + ' ' for line in lines if line):
            return
        time.sleep(0.05)
    sys.exit('nobody listens')

def send(port, transport, lines, count, rate):
    stamp = time.strftime('<30>%b %e %H:%M:%S ').encode()
    began = sent = 0
    began = time.time()
    kind = socket.SOCK_STREAM if transport == 'tcp' else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as out:
        out.connect(('127.0.0.1', port))
        while sent < count:
            some = [stamp + lines[(sent + at) % len(lines)] for at in range(min(500, count - sent))]
            if transport == 'tcp':
                out.sendall(b''.join(some))
            else:
                for one in some:
                    out.send(one.rstrip(b'\n'))
            sent += len(some)
            if rate:
                time.sleep(max(0, began + sent / rate - time.time()))
    return time.time() - began

def ours(program, transport, lines, args, folder):
    port = free_port(socket.SOCK_STREAM if transport == 'tcp' else socket.SOCK_DGRAM)
    store = os.path.join(folder, 'store')
    daemon = subprocess.Popen([program, 'serve', '--store', store, f'--listen-{transport}', f'127.0.0.1:{port}'],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await_port(port, transport)
        time.sleep(1)
        before, began = cpu(daemon.pid), time.time()
        sent = send(port, transport, lines, args.messages, args.rate)
        deadline = time.time() + 60
        while True:
            status = subprocess.run([program, 'status', '--store', store, '-o', 'json'], stdout=subprocess.PIPE).stdout
            status = json.loads(status)
            status = status[0] if isinstance(status, list) else status
            if status['read'] >= args.messages or time.time() > deadline:
                break
            time.sleep(0.5)
        spent = (cpu(daemon.pid) - before) / args.messages * 1e6
        print(f'tunlog    {spent:6.2f} us a message, sent in {sent:.1f} s, read after {time.time() - began:.1f} s; '
              f'read {status["read"]} of {args.messages}, told as lost {status["lost"]}, peak {peak(daemon.pid)} MiB', flush=True)
        return spent
    finally:
        daemon.terminate()
        daemon.wait()
        shutil.rmtree(store, ignore_errors=True)

def theirs(transport, lines, args, folder):
    port = free_port(socket.SOCK_STREAM if transport == 'tcp' else socket.SOCK_DGRAM)
    config, out = os.path.join(folder, 'rsyslog.conf'), os.path.join(folder, 'all.log')
    module = 'imtcp' if transport == 'tcp' else 'imudp'
    with open(config, 'w') as text:
        text.write(f'module(load="{module}")\n'
                   f'input(type="{module}" port="{port}" address="127.0.0.1")\n'
                   f'*.* action(type="omfile" file="{out}")\n')
    daemon = subprocess.Popen(['rsyslogd', '-n', '-f', config, '-i', os.path.join(folder, 'pid')],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await_port(port, transport)
        before = cpu(daemon.pid)
        sent = send(port, transport, lines, args.messages, args.rate)
        size, same = -1, 0
        while same < 4:
            time.sleep(0.25)
            now = os.path.getsize(out) if os.path.exists(out) else 0
            same, size = (same + 1 if now == size else 0), now
        spent = (cpu(daemon.pid) - before) / args.messages * 1e6
        written = sum(block.count(b'\n') for block in iter(lambda f=open(out, 'rb'): f.read(1 << 20), b''))
        print(f'rsyslogd  {spent:6.2f} us a message, sent in {sent:.1f} s; wrote {written} lines', flush=True)
        return spent
    finally:
        daemon.terminate()
        daemon.wait()
        if os.path.exists(out):
            os.remove(out)

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('program')
    parser.add_argument('log')
    parser.add_argument('--messages', type=int, default=1_000_000)
    parser.add_argument('--transport', choices=['tcp', 'udp'], default='tcp')
    parser.add_argument('--rate', type=int, default=0)
    parser.add_argument('--rounds', type=int, default=3)
    args = parser.parse_args()
    with open(args.log, 'rb') as log:
        # what stands behind a stamp of the old form
        lines = [line[16:] for line, _ in zip(log, range(200_000)) if len(line) > 16]
    has_rsyslog = shutil.which('rsyslogd') is not None
    ratios = []
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as folder:
            mine = ours(args.program, args.transport, lines, args, folder)
            if has_rsyslog:
                ratios.append(mine / theirs(args.transport, lines, args, folder))
    if ratios:
        print(f'tunlog costs {sorted(ratios)[len(ratios) // 2]:.1f} times what rsyslogd costs (median of {len(ratios)})')
    else:
        print('rsyslogd is not installed: nothing to compare with')

if __name__ == '__main__':
    main()
