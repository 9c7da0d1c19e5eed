#!/usr/bin/env python3
"""Live capture with real clients and servers on the loopback of a namespace of its own. usage: live.py H2DUMP [REQUESTS]

Each case is a function. Exit status 77, with the reason, where capture is not permitted or a program is missing.
"""
import ctypes
import json
import os
import pty
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

H2DUMP = os.path.abspath(sys.argv[1])
REQUESTS = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
PORT = 8080
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
PING = b"\0\0\10\6\0\0\0\0\0abcdefgh"


class Wrong(Exception):
    pass


class Skipped(Exception):
    """The machine lacks what the case needs."""


def pseudo_terminal():
    try:
        return pty.openpty()
    except OSError as error:
        raise Skipped(f"no pseudo-terminal: {error}") from None


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def expect(what, have, want):
    if have != want:
        raise Wrong(f"{what}: {have!r}, not {want!r}")


def expect_in(what, part, text):
    if part not in text:
        raise Wrong(f"{what}: no {part!r} in {text!r}")


def wait_for(what, condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Wrong(f"{what}: not within {seconds} s")
        time.sleep(0.01)


# ---- who takes part ----

started = []  # captures, so that a case that goes wrong leaves none behind


class Capture:
    """h2dump -i …, from the moment at which it captures; its standard error is a file."""

    def __init__(self, *args, stdout=None, interface="lo", preexec=None):
        self.errors = tempfile.TemporaryFile()
        self.output = tempfile.TemporaryFile() if stdout is None else None
        self.process = subprocess.Popen([H2DUMP, "-v", "-i", interface, *args], stdin=subprocess.DEVNULL,
                                        stdout=stdout if stdout is not None else self.output, stderr=self.errors,
                                        preexec_fn=preexec)
        started.append(self.process)
        wait_for(f"{args}: capturing", lambda: "capturing on" in self.stderr() or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise Wrong(f"{args}: ended with {self.process.returncode}: {self.stderr()}")

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read().decode()

    def stdout(self):
        self.output.seek(0)
        return self.output.read().decode()

    def send(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGINT, code=0):
        self.send(number)
        self.process.wait(30)
        expect(f"exit ({self.stderr()})", self.process.returncode, code)
        return self.stdout() if self.output is not None else None


def records(text):
    return [json.loads(line) for line in text.splitlines()]


def h2load(requests, clients=10):
    out = subprocess.run(["h2load", "-n", str(requests), "-c", str(clients), "-m", "10",
                          f"http://127.0.0.1:{PORT}/index.html"], capture_output=True, text=True, timeout=120)
    expect_in("h2load", f"{requests} succeeded", out.stdout)


# ---- packets made by hand ----

HOSTS = [bytes([10, 9, 8, 1]), bytes([10, 9, 8, 2])]


def checksum(octets):
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packet(side, flags, seq, ack, payload=b"", port=40000):
    """An Ethernet frame with a segment between two hosts that are not there."""
    ports = [port, 9999]
    tcp = struct.pack("!HHIIBBHHH", ports[side], ports[1 - side], seq, ack, 5 << 4, flags, 65535, 0, 0) + payload
    head = HOSTS[side] + HOSTS[1 - side]
    total = checksum(head + struct.pack("!HH", 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", total) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + head
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return b"\0" * 12 + b"\x08\x00" + ip + tcp


def send_packets(packets):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind(("lo", 0))
        for octets in packets:
            raw.send(octets)


SYN, ACK = 2, 16
HANDSHAKE = [packet(0, SYN, 1000, 0), packet(1, SYN | ACK, 5000, 1001), packet(0, ACK, 1001, 5001)]


# ---- cases ----

def counts_equal_h2loads():
    """Every request that h2load counts is decoded, at default settings, without a drop; and who decodes is nobody."""
    capture = Capture("-f", f"tcp port {PORT}", "-T", "json")
    status = dict(line.split(":\t", 1) for line in open(f"/proc/{capture.process.pid}/status") if ":\t" in line)
    for key in ("Uid", "Gid"):
        if "0" in status[key].split():
            raise Wrong(f"still root: {key} {status[key]}")
    expect("groups", status["Groups"].strip(), "")
    expect("capabilities", (int(status["CapEff"], 16), int(status["CapPrm"], 16)), (0, 0))
    expect("no new privileges", status["NoNewPrivs"].strip(), "1")
    h2load(REQUESTS)
    time.sleep(0.05)
    seen = records(capture.end())
    answers = sum(1 for r in seen if r["kind"] == "frame" and r["type"] == "HEADERS" and r["dir"] == "s2c" and
                  any(h["name"] == ":status" and h["value"] == "200" for h in r["headers"]))
    summary = seen[-1]
    expect("answers", answers, REQUESTS)
    expect("connections", summary["connections"], {"http2": 10})
    expect("lost", summary["octets_lost"], {})
    expect("drops", summary.get("drops"), None)
    print(f"    {REQUESTS} requests of h2load, {answers} answers decoded, {summary['packets']} packets")


def any_interface():
    capture = Capture("-T", "json", interface="any")
    h2load(20, 1)
    time.sleep(0.05)
    summary = records(capture.end(signal.SIGTERM))[-1]
    expect("connections", summary["connections"]["http2"], 1)
    expect("DATA", summary["frames"]["DATA"], 20)
    expect("tainted", summary["checked"]["frames_tainted"], 0)


def packets_are_written():
    """-w, opened by root and given to who called sudo; it can be read again as what was shown."""
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "w.pcapng")

    def pretend_sudo():
        os.environ["SUDO_UID"], os.environ["SUDO_GID"] = "1234", "1235"
    pretend_sudo()
    try:
        capture = Capture("-T", "json", "-w", path)
    finally:
        del os.environ["SUDO_UID"], os.environ["SUDO_GID"]
    expect_in("status", "\nUid:\t1234\t", open(f"/proc/{capture.process.pid}/status").read())
    h2load(50, 1)
    time.sleep(0.05)
    live = [r for r in records(capture.end()) if r["kind"] == "frame"]
    expect("owner", (os.stat(path).st_uid, os.stat(path).st_gid), (1234, 1235))
    again = subprocess.run([H2DUMP, "-T", "json", "-v", path], capture_output=True, text=True, timeout=30)
    file = [r for r in records(again.stdout) if r["kind"] == "frame"]
    for record in live + file:
        del record["packet"], record["packet_end"]
    expect("frames", len(file) > 100 and live == file, True)
    shutil.rmtree(folder)


def filtered_out():
    capture = Capture("-f", "tcp port 9", "-T", "json")
    h2load(20, 1)
    capture.end(signal.SIGHUP, code=1)
    expect_in("stderr", "h2dump: lo: no packet was captured\n", capture.stderr())


def shown_while_it_runs():
    """What came is written before the next is waited for."""
    ours, theirs = os.pipe()
    capture = Capture("-T", "json", stdout=theirs)
    os.close(theirs)
    h2load(3, 1)
    text = b""
    while text.count(b'"type":"DATA"') < 3:
        if not select.select([ours], [], [], 5)[0]:
            raise Wrong(f"nothing more came after {text!r}")
        text += os.read(ours, 65536)
    capture.send(signal.SIGINT)
    while os.read(ours, 65536):
        pass
    expect("exit", capture.process.wait(30), 0)
    os.close(ours)


def on_a_terminal():
    """Without batches, and with 'any' in slots that hold the largest packets."""
    ours, theirs = pseudo_terminal()
    capture = Capture("--time=none", interface="any", stdout=theirs)
    os.close(theirs)
    h2load(3, 1)
    text = b""
    while b"index.html" not in text:
        if not select.select([ours], [], [], 5)[0]:
            raise Wrong(f"nothing more came after {text!r}")
        text += os.read(ours, 65536)
    capture.send(signal.SIGINT)
    capture.process.wait(30)
    os.close(ours)


def hole_in_a_silent_connection():
    """A hole that was acknowledged is given up though no packet comes any more."""
    ours, theirs = os.pipe()
    capture = Capture("-T", "json", stdout=theirs)
    os.close(theirs)
    start = PREFACE + SETTINGS
    send_packets(HANDSHAKE + [
        packet(0, ACK, 1001, 5001, start),
        packet(1, ACK, 5001, 1001 + len(start), SETTINGS),
        packet(0, ACK, 1001 + len(start) + 17, 5010, PING),
        packet(1, ACK, 5010, 1001 + len(start) + 34),
    ])
    text = b""
    while b'"kind":"gap"' not in text:
        if not select.select([ours], [], [], 5)[0]:
            raise Wrong(f"nothing more came after {text!r}")
        text += os.read(ours, 65536)
    capture.send(signal.SIGINT)
    while os.read(ours, 65536):
        pass
    expect("exit", capture.process.wait(30), 0)
    os.close(ours)


def second_interrupt():
    """One that cannot write, and so cannot end, ends at once at the second."""
    ours, theirs = os.pipe()
    capture = Capture("-T", "json", stdout=theirs)
    os.close(theirs)
    h2load(2000)
    time.sleep(0.3)
    capture.send(signal.SIGINT)
    time.sleep(0.3)
    expect("after the first", capture.process.poll(), None)
    capture.send(signal.SIGINT)
    expect("exit", capture.process.wait(10), 130)
    os.close(ours)


def drops_are_told():
    """Who does not read for long enough loses packets, and says how many."""
    capture = Capture("--buffer=256k", "-T", "json")
    capture.send(signal.SIGSTOP)
    h2load(4000)
    capture.send(signal.SIGCONT)
    time.sleep(0.3)
    seen = records(capture.end())
    drops = seen[-1]["drops"]["kernel"]
    expect("drops", drops > 0, True)
    expect_in("stderr", f"h2dump: kernel dropped {drops} of ", capture.stderr())
    expect_in("stderr", " packets: raise --buffer or narrow the filter (-f); gaps follow from it\n", capture.stderr())
    expect("finding", [r["check"] for r in seen if r["kind"] == "finding" and r["check"] == "capture-drops"],
           ["capture-drops"])


def refused(args, code, message, preexec=None):
    out = subprocess.run([H2DUMP, *args], capture_output=True, text=True, timeout=30, preexec_fn=preexec)
    expect(f"{args}: exit", out.returncode, code)
    expect(f"{args}: stdout", out.stdout, "")
    expect_in(f"{args}: stderr", message, out.stderr)
    expect(f"{args}: lines", out.stderr.count("\n"), 1)


def without(capability):
    """A root that lacks one thing."""
    libc = ctypes.CDLL(None, use_errno=True)

    def drop():
        if libc.prctl(24, capability, 0, 0, 0) != 0:  # PR_CAPBSET_DROP
            os._exit(99)
    return drop


def refusals():
    refused(["-i", "nosuch"], 2, 'h2dump: no interface "nosuch"; available: ')
    refused(["-i", "lo"], 2, "h2dump: cannot capture on lo: permission denied. Run as root, or: sudo setcap "
                             "cap_net_raw+ep $(which h2dump), or pipe: sudo tcpdump -U -s0 -w - tcp | h2dump -",
            preexec=without(13))  # CAP_NET_RAW
    # Whoever cannot give up root decodes nothing.
    refused(["-i", "lo"], 2, "h2dump: cannot become nobody (setgroups: ", preexec=without(6))  # CAP_SETGID
    refused(["-i", "lo"], 2, "h2dump: cannot become nobody (setuid: ", preexec=without(7))  # CAP_SETUID
    refused(["-i", "lo", "-f", "tcp prt 1"], 2, 'h2dump: -f "tcp prt 1": ')
    refused(["-i", "lo", "--user", "no such user"], 2, "h2dump: --user no such user: there is no such user")
    refused(["-i", "lo", "--user=root"], 2, "h2dump: --user root: that would keep all privileges")


def named_user():
    capture = Capture("--user=daemon", "-T", "json")
    status = open(f"/proc/{capture.process.pid}/status").read()
    expect_in("status", "\nUid:\t1\t1\t1\t1\n", status)
    capture.end(code=1)


def lists_interfaces():
    out = subprocess.run([H2DUMP, "-D"], capture_output=True, text=True, timeout=30)
    expect("-D: exit", out.returncode, 0)
    if not any(line.startswith("lo ") and "up" in line and "loopback" in line for line in out.stdout.splitlines()):
        raise Wrong(f"-D: {out.stdout!r}")


CASES = [lists_interfaces, refusals, counts_equal_h2loads, any_interface, packets_are_written, filtered_out, shown_while_it_runs,
         on_a_terminal, hole_in_a_silent_connection, second_interrupt, drops_are_told, named_user]


def main():
    # Under nohup, or in the background of a script, they may be ignored, which children inherit.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.environ.get("H2DUMP_LIVE_NAMESPACE") is None:
        if os.geteuid() != 0:
            skip("capturing takes root")
        for program in ("unshare", "ip", "h2load", "nghttpd"):
            if shutil.which(program) is None:
                skip(f"{program} is not installed")
        if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode != 0:
            skip("no network namespace can be made")
        os.environ["H2DUMP_LIVE_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except OSError as error:
        skip(f"no packet socket: {error}")
    refused(["-i", "lo"], 2, "h2dump: interface lo is down")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs this may ignore it, and h2dump keeps to that
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    with open("index.html", "w") as f:
        f.write("hello\n")
    server = subprocess.Popen(["nghttpd", "--no-tls", "-d", folder, str(PORT)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    failed = 0
    try:
        time.sleep(0.3)
        for case in CASES:
            try:
                case()
                print(f"ok {case.__name__}")
            except Skipped as error:
                print(f"skip {case.__name__}: {error}")
            except Wrong as error:
                failed += 1
                print(f"FAIL {case.__name__}: {error}")
            for process in started:
                process.kill()
                process.wait()
            started.clear()
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
