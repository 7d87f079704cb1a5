"""For tests that speak to the appliance over bare sockets, and look at what it costs."""
import re


def resident_bytes(kappa):
    """Anonymous memory: the log's pages that are mapped or cached are the kernel's to take back."""
    with open("/proc/%d/status" % kappa.process.pid) as status:
        return int(re.search(r"RssAnon:\s+(\d+) kB", status.read()).group(1)) * 1024


def receive(client, size):
    whole = bytearray()
    while len(whole) < size:
        piece = client.recv(size - len(whole))
        assert piece, "closed after %d of %d bytes" % (len(whole), size)
        whole += piece
    return bytes(whole)
