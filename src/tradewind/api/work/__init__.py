"""What workers say and are told: plain Starlette, msgpack both ways."""
