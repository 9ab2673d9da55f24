"""Two network namespaces joined by a cable: what listens on port 25 in one is a stranger to the other.

    with Cable() as net:
        with net.there(): sink = Sink("10.99.0.2", 25)
        Popen(..., preexec_fn=net.enter_here)
"""
import contextlib
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "setns")


class Cable:
    """here: 10.99.0.1, fd99::1; there: 10.99.0.2 to .9, fd99::2 to ::9. Both have a loopback."""

    def __init__(self):
        if os.getuid():
            raise PermissionError("network namespaces need root")
        names = ["posthouse-%d-%s" % (os.getpid(), s) for s in ("here", "there")]
        self.names = []
        self.fds = []
        try:
            for n in names:
                self._ip("netns", "add", n)
                self.names.append(n)
                self.fds.append(os.open("/run/netns/" + n, os.O_RDONLY | os.O_CLOEXEC))
            here, there = names
            self._ip("-n", here, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", there)
            for n in names:
                for link in ("lo", "cable"):
                    self._ip("-n", n, "link", "set", link, "up")
            for n, hosts in ((here, range(1, 2)), (there, range(2, 10))):
                for i in hosts:
                    self._ip("-n", n, "address", "add", "10.99.0.%d/24" % i, "dev", "cable")
                    self._ip("-n", n, "address", "add", "fd99::%d/64" % i, "dev", "cable", "nodad")
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _ip(*argv):
        r = subprocess.run(["ip", *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
        if r.returncode:
            raise PermissionError("ip %s: %s" % (" ".join(argv), r.stdout.decode("utf-8", "replace").strip()))

    def enter_here(self):
        _setns(self.fds[0])

    def enter_there(self):
        _setns(self.fds[1])

    @contextlib.contextmanager
    def _within(self, fd):
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _setns(fd)
        try:
            yield
        finally:
            _setns(own)
            os.close(own)

    def here(self):
        """Sockets made meanwhile, by this thread, are here."""
        return self._within(self.fds[0])

    def there(self):
        return self._within(self.fds[1])

    def close(self):
        for fd in self.fds:
            os.close(fd)
        for n in self.names:
            subprocess.run(["ip", "netns", "delete", n], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                timeout=20)
        self.fds, self.names = [], []

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()
