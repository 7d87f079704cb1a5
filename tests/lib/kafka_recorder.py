"""A proxy between Kafka clients and an appliance that keeps the frames of both directions.

    with Appliance() as kappa, Recorder(kappa) as recorder:
        ... a client of recorder.bootstrap ...
    recorder.pairs     # [(api key, version, request, answer)], frames without their length, in the order of the requests

Clients are told of the broker's address by the broker: where an answer names it, the proxy puts its own, so that every connection
passes here. A connection that begins with TLS passes unread.

With KAPPA_TEST_FRAMES=FILE in the environment every appliance of the tests (but those with TLS, which would have to name the proxy in
their certificates) has a Counter before its `bootstrap`: FILE then tells which APIs and versions the clients of the tests send, and
record_golden.py --missing FILE which of them tests/golden has not.
"""
import glob
import os
import socket
import struct
import threading

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden")
TLS_HANDSHAKE = b"\x16"


class Recorder:
    def __init__(self, kappa, host="127.0.0.1", port=0):
        self.kappa = kappa
        self.pairs = []
        self.lock = threading.Lock()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(100)
        self.host, self.port = self.listener.getsockname()
        self.address = b"127.0.0.1" + struct.pack(">i", kappa.kafka_port), host.encode() + struct.pack(">i", self.port)
        self.sockets = []

    @property
    def bootstrap(self):
        return "%s:%d" % (self.host, self.port)

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.listener.close()
        for connection in self.sockets:
            connection.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.kappa.kafka_port))
            except OSError:
                client.close()  # the appliance is down: so are we
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets += [client, server]
            waiting = {}
            threading.Thread(target=self.pump, args=(client, server, waiting, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, waiting, False), daemon=True).start()

    def pump(self, source, target, waiting, requests):
        try:
            if source.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE:
                self.copy(source, target)
            else:
                self.copy_frames(source, target, waiting, requests)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def copy(source, target):
        while True:
            piece = source.recv(65536)
            if not piece:
                return
            target.sendall(piece)

    def copy_frames(self, source, target, waiting, requests):
        while True:
            head = source.recv(4, socket.MSG_WAITALL)
            if len(head) < 4:
                return
            frame = source.recv(struct.unpack(">i", head)[0], socket.MSG_WAITALL)
            with self.lock:
                frame = self.request(frame, waiting) if requests else self.answer(frame, waiting)
            target.sendall(head + frame)

    def request(self, frame, waiting):
        if len(frame) < 8:
            return frame
        key, version, correlation = struct.unpack_from(">hhi", frame)
        entry = [key, version, frame, None]
        waiting[correlation] = entry
        self.asked(entry)
        return frame

    def answer(self, frame, waiting):
        # Tokens of a log-in may go without a header: they answer nothing.
        entry = waiting.pop(struct.unpack_from(">i", frame)[0], None) if len(frame) >= 4 else None
        if entry is not None:
            entry[3] = frame
            self.answered(entry)
        return frame.replace(*self.address)

    def asked(self, entry):
        self.pairs.append(entry)

    def answered(self, entry):
        pass


class Counter(Recorder):
    """Keeps no frames; writes "<api key> <version> <test>" into a file when the appliance is asked so for the first time. Listens on
    another address of this host, on the appliance's own port."""

    def __init__(self, kappa, path):
        super().__init__(kappa, "127.0.0.2", kappa.kafka_port)
        self.path = path
        self.seen = set()

    def asked(self, entry):
        pass

    def answered(self, entry):
        pair = tuple(entry[:2])
        if pair not in self.seen:
            self.seen.add(pair)
            with open(self.path, "a") as file:
                file.write("%d %d %s\n" % (*pair, os.environ.get("PYTEST_CURRENT_TEST", "?").split(" ")[0]))


def unrecorded(path):
    """What the file of a Counter has and no file of tests/golden, a line each, with the first test that sent it."""
    recorded, sent = set(), {}
    for name in glob.glob(os.path.join(GOLDEN, "*.txt")):
        with open(name) as file:
            recorded |= {tuple(map(int, line.split(" ", 2)[:2])) for line in file}
    with open(path) as file:
        for line in file:
            key, version, test = line.split()
            sent.setdefault((int(key), int(version)), test)
    return ["API %d version %d, sent in %s" % (*pair, sent[pair]) for pair in sorted(sent) if pair not in recorded]
