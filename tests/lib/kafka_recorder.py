"""A proxy between Kafka clients and an appliance that keeps the frames of both directions.

    with Appliance() as kappa, Recorder(kappa) as recorder:
        ... a client of recorder.bootstrap ...
    recorder.pairs     # [(api key, version, request, answer)], frames without their length, in the order of the requests

Clients are told of the broker's address by the broker: where an answer names it, the proxy puts its own port, so that every connection
passes here.
"""
import socket
import struct
import threading


class Recorder:
    def __init__(self, kappa):
        self.kappa = kappa
        self.pairs = []
        self.lock = threading.Lock()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(100)
        self.port = self.listener.getsockname()[1]
        self.address = b"127.0.0.1" + struct.pack(">i", kappa.kafka_port), b"127.0.0.1" + struct.pack(">i", self.port)
        self.sockets = []

    @property
    def bootstrap(self):
        return "127.0.0.1:%d" % self.port

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
            server = socket.create_connection(("127.0.0.1", self.kappa.kafka_port))
            self.sockets += [client, server]
            waiting = {}
            threading.Thread(target=self.pump, args=(client, server, waiting, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, waiting, False), daemon=True).start()

    def pump(self, source, target, waiting, requests):
        try:
            while True:
                head = source.recv(4, socket.MSG_WAITALL)
                if len(head) < 4:
                    break
                frame = source.recv(struct.unpack(">i", head)[0], socket.MSG_WAITALL)
                with self.lock:
                    frame = self.request(frame, waiting) if requests else self.answer(frame, waiting)
                target.sendall(head + frame)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def request(self, frame, waiting):
        if len(frame) < 8:
            return frame
        key, version, correlation = struct.unpack_from(">hhi", frame)
        entry = [key, version, frame, None]
        waiting[correlation] = entry
        self.pairs.append(entry)
        return frame

    def answer(self, frame, waiting):
        entry = waiting.pop(struct.unpack_from(">i", frame)[0], None)
        if entry is not None:
            entry[3] = frame
        return frame.replace(*self.address)
