"""What task, worker and server say to each other, and the seams user code is bound to.

Values only (msgspec, msgpack on the wire, JSON for specs); no transport, no IO.
"""
