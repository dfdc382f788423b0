"""Runs of the page: the newest wins, what stands there is what the settings say, and an error leaves it there."""

import html
import threading
import time
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr
from PIL import Image

from wct.images import FORMATS, open_picture, save_picture, with_alpha
from wct.pipeline.cache import identified
from wct.web.handlers import saved, sentence
from wct.web.turns import Cancelled
from wct.web.uploads import keep, new_folder, served

SETTLE = 0.15  # seconds without another change, after which a picture is made
KEPT = 30  # results of a client that are shown again where their settings come back


@dataclass(eq=False)
class _Ticket:
    """A run of the page."""

    settings: str
    superseded: bool = False
    cancelled: bool = False
    finished: bool = False

    def over(self):
        return self.superseded or self.cancelled


@dataclass
class _Client:
    """What one open page has asked for, by tab, and what it got."""

    tickets: dict = field(default_factory=dict)
    made: OrderedDict = field(default_factory=OrderedDict)
    shown: dict = field(default_factory=dict)  # tab: the path of the result
    formats: dict = field(default_factory=dict)  # tab: the one that downloads are wanted in
    before: dict = field(default_factory=dict)  # (photo, size): the path of what stands beside the result


def line(text, error=False):
    """A line for below a button."""
    return f'<p class="{"error" if error else "said"}">{html.escape(text)}</p>' if text else ""


class Live:
    """The page's runs over a Web."""

    def __init__(self, web):
        self.web = web
        self._clients, self._lock = defaultdict(_Client), threading.Lock()

    def pictures(self, tab, make, format, values, live, request):
        """Updates of [viewer, line, download].

        make: (values, over) -> Made. live: only where something stands already.
        """
        client, settings = self._clients[request.session_hash], repr(_known_by(values))
        ticket = self._ticket(client, tab, settings, live)
        if ticket is None:
            return [gr.skip()] * 3
        client.formats[tab] = format
        try:
            if live:
                time.sleep(SETTLE)
            if ticket.over():
                raise Cancelled
            known = client.made.get(settings) if live else None
            if not known or not all(Path(path).is_file() for path in _files(known[0])):
                made = make(values, ticket.over)
                known = client.made[settings] = self._show(client, made), made.told
                self.web.ledger.add(request.session_hash, _files(known[0]))
                while len(client.made) > KEPT:
                    client.made.popitem(last=False)
            value, told = known
            keep(_files(value))
            path = value["after"]["path"]
            download = self._loaded(client, tab, path)
            with self._lock:
                if ticket.over():
                    raise Cancelled
                client.shown[tab], ticket.finished = path, True
            return value | {"tab": tab}, line(told), download
        except Cancelled:
            told = gr.skip() if ticket.superseded else line("Cancelled.")
            return gr.skip(), told, gr.skip()
        except (ValueError, MemoryError, OSError) as error:
            ticket.settings = ""
            return gr.skip(), line(sentence(error), error=True), gr.skip()

    def several(self, tab, make, outputs, request):
        """What the generator make(over) yields, whose last part is a line, for `outputs` components."""
        client = self._clients[request.session_hash]
        ticket = self._ticket(client, tab, "", False)
        try:
            for *values, told in make(ticket.over):
                yield *values, line(told)
        except Cancelled:
            if not ticket.superseded:
                yield *[gr.skip()] * (outputs - 1), line("Cancelled.")
        except (ValueError, MemoryError, OSError) as error:
            yield *[gr.skip()] * (outputs - 1), line(sentence(error), error=True)

    def cancel(self, request: gr.Request):
        """End what this page is waiting for."""
        for ticket in self._clients[request.session_hash].tickets.values():
            ticket.cancelled = True

    def download(self, tab, format, request):
        """The button for the result of that tab in that format. Raises PictureError where that cannot be written."""
        client = self._clients[request.session_hash]
        client.formats[tab], path = format, client.shown.get(tab)
        if not path or not Path(path).is_file():
            return gr.DownloadButton(interactive=False)
        button = self._loaded(client, tab, path)
        return button if client.shown[tab] == path else gr.skip()  # a newer result has brought its own

    @staticmethod
    def _loaded(client, tab, path):
        """The button for a result in the format that is wanted when it is written, which may take seconds."""
        format = None
        while format != client.formats[tab]:
            format = client.formats[tab]
            button = _download(path, format)
        return button

    def left(self, request: gr.Request):
        """A client has gone, and so has everybody who waited for its runs."""
        self.cancel(request)
        self._clients.pop(request.session_hash, None)
        self.web.ledger.left(request.session_hash)

    def _ticket(self, client, tab, settings, live):
        """The ticket of a new run, or None where there is no need of one."""
        with self._lock:
            last = client.tickets.get(tab)
            if live and last is None:
                return None  # nothing stands there yet
            if last and settings and last.settings == settings and (live or not (last.over() or last.finished)):
                return None  # it stands there, is being made, or was cancelled
            if last and not last.finished:
                last.superseded = True
            ticket = client.tickets[tab] = _Ticket(settings)
            return ticket

    @staticmethod
    def _show(client, made):
        """The viewer's value, whose files are written."""
        value = {"after": served(saved(made)), "size": list(made.picture.size)}
        if made.content is None:
            return value | {"alt": made.name}
        key = made.content, made.picture.size
        if key not in client.before or not Path(client.before[key]).is_file():
            photo = open_picture(made.content, max_size=max(made.picture.size))
            path = new_folder() / f"{Path(made.content).stem}-before.webp"
            save_picture(with_alpha(photo.rgb, photo.alpha).resize(made.picture.size), path)
            client.before = {key: str(path)}
        return value | {"before": served(client.before[key]),
                        "alt": Path(made.name).stem.replace("__", " in the style of ")}


def _known_by(value):
    """What tells a value from others: of a picture that was painted on the page, its pixels."""
    if isinstance(value, Image.Image):
        return identified(value)[0]
    if isinstance(value, dict):
        return {name: _known_by(part) for name, part in value.items()}
    return [_known_by(part) for part in value] if isinstance(value, list | tuple) else value


def _files(value):
    """The paths that a viewer's value shows."""
    return [value[part]["path"] for part in ("before", "after") if part in value]


def _download(path, format):
    """The button for a result in that format, which it is written in. Raises PictureError where it cannot be."""
    kind = FORMATS[format]
    wanted = Path(path).with_suffix(kind.suffix)
    if not wanted.is_file():
        picture = open_picture(path)
        save_picture(with_alpha(picture.rgb, picture.alpha if kind.alpha else None), wanted, format)
    keep([path, wanted])
    return gr.DownloadButton(f"Download {wanted.suffix[1:].upper()}", value=str(wanted), interactive=True)
