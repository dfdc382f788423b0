"""What the page uses of Gradio beyond its documented interface; requirements.txt bounds the versions tested.

Look here first when a new version of Gradio does not work.
"""

import sys
import traceback as _traceback
from abc import ABCMeta

from gradio import queueing, routes
from gradio.context import LocalContext
from gradio.processing_utils import save_base64_to_cache, save_url_to_cache
from starlette.concurrency import run_in_threadpool

__all__ = ["LAUNCH", "brief_errors", "no_tool", "save_base64_to_cache", "save_url_to_cache", "somebody_waits", "users",
           "whole_answers", "with_preprocess"]

LAUNCH = {"_frontend": False}  # else it asks itself for the page, and gives up where that takes a slow machine 3 s


def somebody_waits():
    """A function that tells whether somebody still waits for the run in whose thread it was asked for."""
    run, queue = LocalContext.event_id.get(), LocalContext.blocks.get()._queue

    def waits():
        event = queue.event_ids_to_events.get(run)
        return event is not None and event.alive  # else cancelled, or its client is gone

    return waits


def with_preprocess(component, preprocess):
    """The component with another `preprocess(component, payload)`.

    In a class of its own: an update makes a component anew by its class, and would lose what the instance alone has.
    Gradio's metaclass would write that class into a file of stubs beside its own source, so it is left out.
    """
    kind = type(component)
    component.__class__ = ABCMeta.__new__(type(kind), kind.__name__, (kind,), {
        "__module__": kind.__module__, "preprocess": preprocess})
    return component


def no_tool(function):
    """The endpoint, left out of the tools of the Model Context Protocol."""
    function._mcp_type = None
    return function


def users(app):
    """{token: user} of those who are logged in, and the name of the cookie that has the token."""
    return app.tokens, f"access-token-unsecure-{app.cookie_id}"


class _Brief:
    """In the place of `traceback`: input that cannot be is one line in the log, what is our own fault stays whole."""

    def __getattr__(self, name):
        return getattr(_traceback, name)

    @staticmethod
    def print_exc(*args, **options):
        error = sys.exc_info()[1]
        frames = {frame.f_code.co_name for frame, _ in _traceback.walk_tb(error.__traceback__)} if error else set()
        if frames & {"preprocess_data", "get_fn", "validate_inputs"}:
            print(f"refused: {type(error).__name__}: {' '.join(str(error).split())[:300]}", file=sys.stderr)
        else:
            _traceback.print_exc(*args, **options)


def brief_errors():
    """Have Gradio tell of bad input in one line."""
    queueing.traceback = routes.traceback = _Brief()


def whole_answers():
    """Have tools of the Model Context Protocol answer with each output by itself: pictures as pictures."""
    from gradio.mcp import GradioMCPServer

    async def outputs(self, job):
        result = await run_in_threadpool(job.result)
        return list(result) if isinstance(result, tuple) else [result]

    GradioMCPServer._execute_tool_without_progress = outputs
