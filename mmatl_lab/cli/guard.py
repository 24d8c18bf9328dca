"""What keeps strangers out of a shared demo: a password that is not guessed soon, and wrong ones that cost time."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable

LENGTH = 10  # characters of a password, at least
DIFFERENT = 5  # of them different, without the words below
# What is tried first: common passwords, rows of keys, the words of this program.
COMMON = (
    "password", "passwort", "passw0rd", "iloveyou", "welcome", "letmein", "dragon", "monkey", "football", "baseball",
    "sunshine", "princess", "trustno1", "superman", "master", "secret", "login", "admin", "guest", "demo", "mmatl",
    "gradio", "multimodal", "qwertyuiop", "qwertzuiop", "qwerty", "qwertz", "azerty", "asdfghjkl", "asdf", "zxcvbnm",
    "yxcvbnm", "1q2w3e4r5t", "1q2w3e4r", "1qaz2wsx", "abcdefghijklmnopqrstuvwxyz", "abcdefgh", "abcdef", "abc",
    "01234567890", "1234567890", "123456789", "12345678", "1234567", "123456", "12345", "1234", "123", "9876543210",
    "987654321", "87654321", "654321", "4321", "321",
)  # fmt: skip

FREE = 3  # wrong tries of one visitor that cost nothing: typing errors
LONGEST = 30.0  # seconds that one visitor's try waits at most
FREE_OF_ALL, LONGEST_OF_ALL = 30, 5.0  # the same for all visitors together, who may be one with many addresses
MEMORY = 600.0  # seconds after which a wrong try is forgotten
WAITING, WAITING_OF_ALL = 10, 200  # tries that wait at a time, of one visitor and of all; more are sent away


def weakness(password: str) -> str | None:
    """What to do about a password that is soon guessed, as a sentence without the password; None for a good one."""
    rest = password.strip().lower()
    if len(rest) < LENGTH:
        return f"the password has {len(rest)} characters: take at least {LENGTH}, such as four words that you make up"
    for word in COMMON:
        rest = rest.replace(word, "")
    if len(set(rest)) < DIFFERENT:
        return (
            f"the password is soon guessed: beside common words and rows of keys it needs {DIFFERENT} different "
            "characters, such as four words that you make up"
        )
    return None


class SlowLogin:
    """ASGI middleware: each wrong password makes the next tries wait longer; pages and answers do not wait.

    A try counts as wrong from its arrival until it proves right, so that many at once gain nothing. A visitor's own
    wrong tries double the wait, and those of all visitors add a little to it, because one of them may use many
    addresses. Whoever logs in is forgiven.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app = app
        self.wrong: deque[tuple[float, str]] = deque(maxlen=10_000)  # when, and who
        self.waiting: Counter[str] = Counter()

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].rstrip("/").endswith("/login"):
            return await self.app(scope, receive, send)
        visitor = (scope.get("client") or ("", 0))[0]
        if self.waiting[visitor] >= WAITING or self.waiting.total() >= WAITING_OF_ALL:
            return await _refuse(send)
        delay = self.delay(visitor)
        self.wrong.append((time.monotonic(), visitor))
        self.waiting[visitor] += 1
        try:
            await asyncio.sleep(delay)
        finally:
            self.waiting[visitor] -= 1
            self.waiting += Counter()  # forgets those with none

        async def watched(message: dict) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                kept = [(when, who) for when, who in self.wrong if who != visitor]
                self.wrong.clear()
                self.wrong.extend(kept)
            await send(message)

        return await self.app(scope, receive, watched)

    def delay(self, visitor: str) -> float:
        """Seconds that the next try of a visitor waits."""
        while self.wrong and time.monotonic() - self.wrong[0][0] > MEMORY:
            self.wrong.popleft()
        own = sum(who == visitor for _, who in self.wrong) - FREE
        everyone = len(self.wrong) - FREE_OF_ALL
        own_delay = min(2.0 ** min(own, 10), LONGEST) if own >= 0 else 0.0
        return max(own_delay, min(max(everyone, 0) / 10, LONGEST_OF_ALL))


async def _refuse(send: Callable) -> None:
    body = b'{"detail": "Too many tries to log in at once: try again in a minute."}'
    headers = [(b"content-type", b"application/json"), (b"retry-after", b"60")]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})
