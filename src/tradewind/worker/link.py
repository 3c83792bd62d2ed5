"""The worker's end of what binds it to one task or parse process: a socket and an output pipe."""

import os
import socket
from collections.abc import Callable

from tradewind.protocol.child import FromTask, Told
from tradewind.protocol.frames import FrameError, pack_frame, task_reader
from tradewind.worker.loop import Loop

_CHUNK_BYTES = 1 << 18
_PIPE_BYTES = 1 << 16


class Link:
    """Frames and output of one process, given on as they come."""

    def __init__(
        self, loop: Loop, on_message: Callable[[FromTask], None], on_output: Callable[[bytes], None]
    ) -> None:
        """Open both; ``child_fds`` is the other side, to be handed to a zygote.

        Raises:
            OSError: No descriptors are left.
        """
        self._loop = loop
        self._on_message = on_message
        self._on_output = on_output
        self._reader = task_reader()
        self._sock, theirs = socket.socketpair()
        try:
            self._pipe, their_pipe = os.pipe()
        except OSError:
            self._sock.close()
            theirs.close()
            raise
        self.child_fds = (theirs.detach(), their_pipe)
        self._sock.setblocking(False)
        os.set_blocking(self._pipe, False)
        self._unsent = bytearray()
        self._sock_is_open = self._pipe_is_open = True
        loop.watch(self._sock, self._on_socket)
        loop.watch(self._pipe, self._on_pipe)

    @property
    def is_open(self) -> bool:
        """Whether the process can still be told anything."""
        return self._sock_is_open

    def tell(self, told: Told) -> None:
        """Answer a question; never blocks, whatever the process does."""
        if self._sock_is_open:
            self._unsent += pack_frame(told)
            self._send()

    def drain(self) -> None:
        """Read all that is there now: what a process said before it ended counts."""
        while self._pipe_is_open and self._on_pipe():
            pass
        while self._sock_is_open and self._on_socket():
            pass

    def drain_output(self) -> None:
        """Read the output that is there now."""
        while self._pipe_is_open and self._on_pipe():
            pass

    def close(self) -> None:
        """Let go of both."""
        self._close_socket()
        self._close_pipe()

    def _on_socket(self) -> bool:
        """Read one chunk; answer whether there may be more."""
        if self._unsent:
            self._send()
        try:
            data = self._sock.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._close_socket()
            return False
        try:
            messages = self._reader.feed(data)
        except FrameError:
            # Whatever runs there has scribbled over our socket: it is as good as dead.
            self._close_socket()
            return False
        # Output that came before these messages is written before them.
        self.drain_output()
        for message in messages:
            self._on_message(message)
        return True

    def _on_pipe(self) -> bool:
        try:
            data = os.read(self._pipe, _PIPE_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._close_pipe()
            return False
        self._on_output(data)
        return True

    def _send(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            # It reads no more, but what it said before may still wait here.
            sent = len(self._unsent)
        del self._unsent[:sent]
        self._loop.watch(self._sock, self._on_socket, also_writable=bool(self._unsent))

    def _close_socket(self) -> None:
        if self._sock_is_open:
            self._sock_is_open = False
            self._loop.unwatch(self._sock)
            self._sock.close()

    def _close_pipe(self) -> None:
        if self._pipe_is_open:
            self._pipe_is_open = False
            self._loop.unwatch(self._pipe)
            os.close(self._pipe)
