"""Password hashing that a small server can afford."""

import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

# Each hash holds its memory while it runs, so no more than this many run at once in a process.
PARALLEL = 2
_turn = threading.BoundedSemaphore(PARALLEL)


class ModestArgon2Hasher(Argon2PasswordHasher):
    """Argon2id with 32 MiB and two passes (Django's default asks for 100 MiB and eight threads per log-in)."""

    algorithm = "argon2m"  # its own name: Django finds the hasher of a stored password by it
    time_cost = 2
    memory_cost = 32 * 1024
    parallelism = 1

    def encode(self, password, salt):
        with _turn:
            return super().encode(password, salt)

    def verify(self, password, encoded):
        with _turn:
            return super().verify(password, encoded)
