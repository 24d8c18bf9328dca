"""Passwords that are soon guessed are refused, and guessing takes long without keeping other visitors waiting."""

import asyncio

import pytest

from mmatl_lab.cli import guard
from mmatl_lab.cli.guard import SlowLogin, weakness


@pytest.mark.parametrize("password", ["aaaaaaaa", "short", "", "  nine char  "])
def test_a_short_password_is_refused(password):
    assert "take at least 10" in weakness(password)


@pytest.mark.parametrize(
    "password",
    ["aaaaaaaaaaaa", "abababababab", "1234567890", "Password123!", "qwertyuiop123", "guestguest1", "mmatl-gradio-demo"],
)
def test_a_password_that_is_tried_first_is_refused(password):
    assert "5 different characters" in weakness(password) and password not in weakness(password)


@pytest.mark.parametrize("password", ["eight or more", "typed by hand", "tulip-kettle-9", "Q7#vLm2pXw"])
def test_others_are_taken(password):
    assert weakness(password) is None


class Visit:
    """Tries to log in at an app that knows one password, on a clock of its own."""

    def __init__(self, monkeypatch):
        self.now, self.slept = 0.0, []
        monkeypatch.setattr(guard.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(guard.asyncio, "sleep", self.sleep)
        self.guard = SlowLogin(self.app)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    async def app(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 200 if scope["right"] else 400, "headers": []})

    def post(self, who="1.2.3.4", right=False, path="/login", method="POST"):
        sent = []

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "client": (who, 1), "right": right}
        asyncio.run(self.guard(scope, None, send))
        return sent[0]["status"]


@pytest.fixture
def visit(monkeypatch):
    return Visit(monkeypatch)


def test_typing_errors_cost_nothing_and_then_the_wait_doubles(visit):
    assert [visit.post() for _ in range(8)] == [400] * 8
    assert visit.slept == [0, 0, 0, 1, 2, 4, 8, 16]


def test_two_hundred_tries_take_more_than_an_hour(visit):
    for _ in range(200):
        visit.post()
    assert visit.now > 3600 and max(visit.slept) == guard.LONGEST


def test_another_visitor_waits_at_most_a_few_seconds(visit):
    for _ in range(50):
        visit.post()
    visit.slept.clear()
    assert visit.post(who="5.6.7.8", right=True) == 200
    assert visit.slept[0] <= guard.LONGEST_OF_ALL


def test_many_addresses_do_not_help(visit):
    for i in range(200):
        visit.post(who=f"1.2.3.{i}")
    assert visit.slept[-1] == guard.LONGEST_OF_ALL


def test_whoever_logs_in_or_comes_back_later_is_forgiven(visit):
    for _ in range(5):
        visit.post()
    visit.post(right=True)
    visit.slept.clear()
    visit.post()
    assert visit.slept == [0]
    for _ in range(5):
        visit.post()
    visit.now += guard.MEMORY + 1
    visit.slept.clear()
    visit.post()
    assert visit.slept == [0]


@pytest.mark.parametrize(("path", "method"), [("/", "GET"), ("/login", "GET"), ("/config", "POST")])
def test_pages_and_answers_do_not_wait(visit, path, method):
    for _ in range(20):
        visit.post()
    visit.slept.clear()
    visit.post(path=path, method=method)
    assert visit.slept == []


def test_many_at_once_gain_nothing_and_are_sent_away():
    """All arrive before the first is answered: each counts as wrong already."""
    waiting = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 400, "headers": []})

    async def attack():
        guarded, statuses = SlowLogin(app), []

        async def send(message):
            if "status" in message:
                statuses.append(message["status"])

        scope = {"type": "http", "method": "POST", "path": "/login", "client": ("1.2.3.4", 1)}
        tries = [asyncio.create_task(guarded(scope, None, send)) for _ in range(200)]
        await asyncio.sleep(0.3)
        waiting.append(sum(not one.done() for one in tries))
        for one in tries:
            one.cancel()
        return statuses

    statuses = asyncio.run(attack())
    assert statuses.count(400) == guard.FREE and waiting == [guard.WAITING - guard.FREE]
    assert statuses.count(429) == 200 - guard.WAITING


def test_gradio_asks_the_guard(monkeypatch):
    """A wrong password at a real server of Gradio's goes through it, and the right one still opens the door."""
    import gradio as gr
    from fastapi.testclient import TestClient
    from starlette.middleware import Middleware

    with gr.Blocks() as page:
        gr.Markdown("a toy")
    page.auth, page.auth_message = [("guest", "tulip-kettle-9")], None
    app = gr.routes.App.create_app(page, app_kwargs={"middleware": [Middleware(SlowLogin)]})
    asked = []
    monkeypatch.setattr(SlowLogin, "delay", lambda self, visitor: asked.append(visitor) or 0.0)
    client = TestClient(app)
    for password, status in (("aaaaaaaa", 400), ("tulip-kettle-9", 200)):
        assert client.post("/login", data={"username": "guest", "password": password}).status_code == status
    assert len(asked) == 2
