"""One trigger host as the worker sees it: a process and the socket to it."""

import os
import signal
import socket
import sys
from collections.abc import Callable

import msgspec

from tradewind.protocol.frames import FrameError, FrameReader, pack_frame
from tradewind.protocol.triggers import FromHost
from tradewind.runtime.kernel import signal_group
from tradewind.worker.loop import Loop

_CHUNK_BYTES = 1 << 18
_CONTROL_FD = 3
_MODULE = "tradewind.runtime.trigger_host"
_FROM_HOST: msgspec.msgpack.Decoder[FromHost] = msgspec.msgpack.Decoder(FromHost)


class TriggerLink:
    """Starts a host and speaks with it; never blocks, whatever the host does."""

    def __init__(
        self, loop: Loop, on_message: Callable[[FromHost], None], on_lost: Callable[[], None]
    ) -> None:
        """Start the process.

        Raises:
            OSError: The system has no room for it.
        """
        self._loop = loop
        self._on_message = on_message
        self._on_lost = on_lost
        self._reader = FrameReader(_FROM_HOST)
        self._unsent = bytearray()
        self._sock, theirs = socket.socketpair()
        self._sock.setblocking(False)
        self.is_open = True
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, theirs.fileno(), _CONTROL_FD),
        ]
        arguments = [sys.executable, "-P", "-m", _MODULE, str(_CONTROL_FD)]
        try:
            self.pid = os.posix_spawn(
                sys.executable, arguments, os.environ, file_actions=actions, setpgroup=0
            )
        except OSError:
            self._sock.close()
            raise
        finally:
            theirs.close()
        loop.watch(self._sock, self._serve)

    def tell(self, message: msgspec.Struct) -> None:
        """Say something to the host."""
        if self.is_open:
            self._unsent += pack_frame(message)
            self._send()

    def close(self) -> None:
        """Let go; a host whose socket closes cleans up and ends."""
        if self.is_open:
            self.is_open = False
            self._loop.unwatch(self._sock)
            self._sock.close()

    def kill(self) -> None:
        """End the process at once, and all it has started."""
        signal_group(self.pid, signal.SIGKILL)

    def _send(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(self._unsent)
        del self._unsent[:sent]
        self._loop.watch(self._sock, self._serve, also_writable=bool(self._unsent))

    def _serve(self) -> None:
        if self._unsent:
            self._send()
        try:
            data = self._sock.recv(_CHUNK_BYTES)
            messages = self._reader.feed(data)
        except BlockingIOError:
            return
        except (OSError, FrameError):
            data, messages = b"", []
        for message in messages:
            self._on_message(message)
        if not data and self.is_open:
            self.close()
            self._on_lost()
