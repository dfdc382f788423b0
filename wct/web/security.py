"""Who may ask the page for what: hosts and origins, headers, room for uploads, passwords."""

import asyncio
import ipaddress
import json
import secrets
import shutil
import socket
from collections import Counter, defaultdict
from contextvars import ContextVar
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, PlainTextResponse

from wct.web.gradio_internals import users
from wct.web.uploads import FULL, folder

PER_CLIENT = 500e6  # bytes of uploads that lie there for one address
IN_ALL = 5e9  # and for all of them
SPARE = 100e6  # bytes of disk that are left alone
LONGEST_PAUSE = 60  # seconds after wrong passwords
AT_ONCE = 5  # passwords of one address that may wait to be looked at
LOCAL = {"localhost", "127.0.0.1", "::1"}
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
    # Gradio starts itself by inline scripts, and makes functions of text; nothing leaves this server all the same.
    "content-security-policy":
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'self'",
}
_address = ContextVar("address", default="")


def middleware(allowed=(), share=False):
    """For FastAPI: allowed are names of hosts besides this machine's own; share: those of Gradio's links too."""
    return [Middleware(Guard, allowed=allowed, share=share), Middleware(_Zipped)]


def password(user, word):
    """For Gradio's auth: whether a name and a password are those; a growing pause after wrong ones."""
    wrong, waiting, doors = Counter(), Counter(), defaultdict(asyncio.Lock)

    async def knows(name, given):
        address = _address.get()
        if waiting[address] >= AT_ONCE:
            return False
        waiting[address] += 1
        try:
            async with doors[address]:  # one after the other, so that asking at once gains nothing
                if wrong[address]:
                    await asyncio.sleep(min(LONGEST_PAUSE, 2 ** (wrong[address] - 1)))
                right = secrets.compare_digest(name.encode(), user.encode())
                right &= secrets.compare_digest(given.encode(), word.encode())
                wrong[address] = 0 if right else wrong[address] + 1
                return right
        finally:
            waiting[address] -= 1

    return knows


class Guard:
    """Middleware that refuses what comes from elsewhere, or is too much."""

    def __init__(self, app, allowed, share):
        self.app, self.share = app, share
        own = socket.gethostname().lower()
        self.allowed = {name.lower() for name in allowed} | LOCAL | {own, f"{own}.local"}
        self._uploads = defaultdict(dict)  # address: {path: bytes}

    async def __call__(self, scope, receive, send):
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers, path = Headers(scope=scope), scope["path"].rstrip("/")
        address = scope["client"][0] if scope.get("client") else ""
        _address.set(address)
        refused = self._foreign(headers)
        if not refused and scope.get("method") == "POST":
            if path.endswith("/upload"):
                refused = self._too_much(headers, address)
            elif path.endswith(("/cancel", "/reset")):
                refused = self._stranger(scope["app"], headers)
        if refused:
            status, text = refused
            answer = PlainTextResponse(text, status, HEADERS) if path.endswith("/upload") \
                else JSONResponse({"error": text, "detail": text}, status, HEADERS)  # as the page shows them to people
            return await answer(scope, receive, send)
        answer = bytearray()

        async def sent(message):
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            elif path.endswith("/upload") and message["type"] == "http.response.body":
                answer.extend(message.get("body", b""))
                if not message.get("more_body"):
                    self._received(address, answer)
            await send(message)

        await self.app(scope, receive, sent)

    def _foreign(self, headers):
        """DNS rebinding has a name of its own for this machine; other pages have another origin."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_own(host):
            name = _hostname(host) or host
            return 403, f"The page does not go by the name {name!r}; start it with --allow-host {name}."
        from_place = _place(origin or "")
        if origin and from_place != host.lower() and _hostname(from_place) not in self.allowed - LOCAL:
            return 403, f"Requests of the page {origin} are refused; allow it by --allow-host."
        return None

    def _is_own(self, host):
        name = _hostname(host)
        if name in self.allowed or (self.share and name.endswith(".gradio.live")):
            return True
        try:
            return bool(ipaddress.ip_address(name))  # no name can be turned to another address
        except ValueError:
            return False

    def _too_much(self, headers, address):
        try:
            length = int(headers["content-length"])
        except (KeyError, ValueError):
            return 411, "Uploads must say how long they are."
        for files in self._uploads.values():
            for path in [path for path in files if not Path(path).exists()]:
                del files[path]
        if sum(self._uploads[address].values()) + length > PER_CLIENT:
            return 413, f"You have {PER_CLIENT / 1e6:.0f} MB of pictures here already; try again in an hour."
        if sum(sum(files.values()) for files in self._uploads.values()) + length > IN_ALL:
            return 413, "The server has as many pictures as it takes; try again later."
        if shutil.disk_usage(folder()).free < length + SPARE:
            return 507, FULL
        return None

    def _received(self, address, answer):
        try:
            for path in json.loads(answer):
                self._uploads[address][path] = Path(path).stat().st_size
        except (ValueError, OSError, TypeError):
            pass  # no upload after all

    @staticmethod
    def _stranger(app, headers):
        known, cookie = users(app)
        if app.auth is None:
            return None
        given = SimpleCookie(headers.get("cookie", "")).get(cookie)
        return None if given and given.value in known else (401, "Log in first.")


class _Zipped:
    """The page itself is sent zipped; Gradio's own middleware does that with files alone."""

    def __init__(self, app):
        self.plain, self.zipped = app, GZipMiddleware(app, minimum_size=1000, compresslevel=6)

    async def __call__(self, scope, receive, send):
        is_page = scope["type"] == "http" and scope["path"] in ("", "/", "/config", "/gradio_api/info")
        await (self.zipped if is_page else self.plain)(scope, receive, send)


def _place(origin):
    """The host and the port in an Origin header, nothing where it has none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _hostname(host):
    """The name in a Host header, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
