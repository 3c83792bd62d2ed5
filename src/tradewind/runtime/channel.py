"""A task's end of the socket to its worker."""

import signal
import socket
import threading

import msgspec

from tradewind.protocol.frames import pack_frame

_INTERRUPTS = (signal.SIGTERM, signal.SIGALRM, signal.SIGINT)
_CHUNK_BYTES = 65536


class Channel:
    """Sends whole frames, from any thread, and gives raw chunks back.

    Handlers of signals raise in tasks (a cancel, a timeout). A frame cut in half by one would make
    all that follows unreadable, so a send that cannot be done at one stroke holds signals back.
    """

    def __init__(self, sock: socket.socket) -> None:
        """Take over a connected, blocking stream socket."""
        self._sock = sock
        self._lock = threading.Lock()

    def send(self, message: msgspec.Struct) -> None:
        """Send one message.

        Raises:
            OSError: The worker is gone.
        """
        frame = pack_frame(message)
        with self._lock:
            try:
                sent = self._sock.send(frame, socket.MSG_DONTWAIT)
            except BlockingIOError:
                sent = 0
            if sent < len(frame):
                self._send_rest(frame[sent:])

    def receive(self) -> bytes:
        """Wait for the next chunk; empty when the worker is gone."""
        return self._sock.recv(_CHUNK_BYTES)

    def _send_rest(self, rest: bytes) -> None:
        held = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
        try:
            self._sock.sendall(rest)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
