"""How messages of one machine become bytes and back: msgpack behind a 4-byte big-endian length."""

from typing import Generic, TypeVar

import msgspec

from tradewind.protocol.child import FromTask, FromZygote, Told, ToZygote

T = TypeVar("T")

MAX_FRAME_BYTES = 512 * 1024 * 1024
"""A length beyond this is no message of ours but a broken stream."""

_LENGTH_BYTES = 4
_encode = msgspec.msgpack.Encoder().encode


class FrameError(Exception):
    """The stream holds something that is not a frame; nothing after it can be read."""


def pack_frame(message: msgspec.Struct) -> bytes:
    """Answer the bytes of one message, length first.

    Example:
        >>> frame = pack_frame(Told(number=1))
        >>> int.from_bytes(frame[:4], "big") == len(frame) - 4
        True
    """
    body = _encode(message)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


class FrameReader(Generic[T]):
    """Puts messages together from chunks of a stream, however it was cut."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[T]) -> None:
        """Start at a frame's beginning."""
        self._decoder = decoder
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[T]:
        """Take a chunk; answer the messages that are whole now, in order.

        Raises:
            FrameError: A length is absurd or a body is no message: the other side is broken.
        """
        buffer: bytes | bytearray = data
        if self._rest:
            # Appended in place: joining bytes anew for each chunk of a large frame is quadratic.
            self._rest += data
            buffer = self._rest
        at, size, messages = 0, len(buffer), []
        while size - at >= _LENGTH_BYTES:
            end = at + _LENGTH_BYTES + int.from_bytes(buffer[at : at + _LENGTH_BYTES], "big")
            if end - at > MAX_FRAME_BYTES:
                raise FrameError("A frame claims to be larger than any message")
            if end > size:
                break
            messages.append(self._decode(buffer[at + _LENGTH_BYTES : end]))
            at = end
        if at or buffer is data:
            self._rest = bytearray(buffer[at:])
        return messages

    def _decode(self, body: bytes | bytearray) -> T:
        try:
            return self._decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise FrameError(f"A frame holds no message: {error}") from error


def task_reader() -> FrameReader[FromTask]:
    """Answer a reader of what a task or parse child says."""
    return FrameReader(_FROM_TASK)


def zygote_reader() -> FrameReader[FromZygote]:
    """Answer a reader of what a zygote says."""
    return FrameReader(_FROM_ZYGOTE)


def order_reader() -> FrameReader[ToZygote]:
    """Answer a reader of what a zygote is told."""
    return FrameReader(_TO_ZYGOTE)


def told_reader() -> FrameReader[Told]:
    """Answer a reader of the answers a task gets."""
    return FrameReader(_TOLD)


_FROM_TASK: msgspec.msgpack.Decoder[FromTask] = msgspec.msgpack.Decoder(FromTask)
_FROM_ZYGOTE: msgspec.msgpack.Decoder[FromZygote] = msgspec.msgpack.Decoder(FromZygote)
_TO_ZYGOTE: msgspec.msgpack.Decoder[ToZygote] = msgspec.msgpack.Decoder(ToZygote)
_TOLD: msgspec.msgpack.Decoder[Told] = msgspec.msgpack.Decoder(Told)
