"""The command line of the web page: python app.py

Stylise a photo, mix paintings, see all of them, make textures, compare backends, run a folder, stylise a film; the same
as an API, and with --mcp as tools. The page itself is wct/web/page.py.
"""

import argparse
import os
import signal
import sys
import tempfile

from wct.options import DEVICES
from wct.runtime.arguments import require
from wct.runtime.process import prepare

UPLOAD = "50mb"


def arguments(argv=None):
    parser = argparse.ArgumentParser(
        prog="python app.py", description="The web page: stylise, mix, see all paintings, make textures, compare "
        "backends, run folders, stylise films."
    )
    add = parser.add_argument
    add("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), help="address to listen on "
        "(default: %(default)s, this machine alone; 0.0.0.0 for all)")
    add("--port", type=int, help="port to listen on (default: 7860, or the next that is free)")
    add("--share", action="store_true", help="also make a public link through Gradio's servers, for a week")
    add("--auth", metavar="USER:PASSWORD", default=os.environ.get("WCT_AUTH") or None,
        help="ask for these (default: the environment's WCT_AUTH, else nobody is asked)")
    add("--device", choices=DEVICES, default="auto")
    add("--max-pixels", type=int, default=4_000_000, metavar="N", help="most pixels of a result (default: %(default)s)")
    add("--queue-size", type=int, default=40, metavar="N", help="runs that may wait; more are refused "
        "(default: %(default)s)")
    add("--mcp", action="store_true", help="also offer the tools to language models, by the Model Context Protocol")
    add("--allow-host", action="append", default=[], metavar="NAME", help="a name under which the page may be asked "
        "for, besides this machine's own, as a proxy has one; may be repeated")
    args = parser.parse_args(argv)
    if args.auth is not None and not all(args.auth.partition(":")):
        parser.error("--auth must be USER:PASSWORD")
    if args.port is not None and not 1 <= args.port <= 65535:
        parser.error("--port must be between 1 and 65535")
    if args.max_pixels < 1 or args.queue_size < 1:
        parser.error("--max-pixels and --queue-size must be at least 1")
    if args.auth and args.mcp:
        parser.error("--mcp cannot ask for a password; leave --auth away, or --mcp")
    return parser, args


def main(argv=None):
    parser, args = arguments(argv)
    require(parser, "gradio", "pandas")
    if args.mcp:
        require(parser, "mcp")
    prepare()
    # No figures to anybody, no history of runs in a browser that others may use.
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_RUN_HISTORY": "False"}
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) != signal.SIG_IGN:  # by nohup
            signal.signal(number, signal.default_int_handler)  # ends the server as Ctrl-C does: uploads are removed
    try:
        with tempfile.TemporaryDirectory(prefix="wct-", ignore_cleanup_errors=True) as uploads:
            os.environ["GRADIO_TEMP_DIR"] = tempfile.tempdir = uploads
            _serve(args)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        parser.error(" ".join(str(error).split()))
    except KeyboardInterrupt:
        pass  # before the server was up


def _serve(args):
    from wct import Stylizer
    from wct.runtime.examples import EXAMPLES
    from wct.web.gradio_internals import LAUNCH, whole_answers
    from wct.web.page import HEAD, THEME, build
    from wct.web.security import middleware, password

    stylizers = {network: Stylizer.from_pretrained(network=network, device=args.device, levels=levels,
                                                   max_pixels=args.max_pixels, styles=16)
                 for network, levels in (("full", 5), ("small", 4))}
    if args.mcp:
        whole_answers()
    page = build(stylizers, args.queue_size, bool(args.auth)).queue(api_open=False)
    page.launch(
        server_name=args.host, server_port=args.port, share=args.share, max_file_size=UPLOAD,
        auth=password(*args.auth.split(":", 1)) if args.auth else None, mcp_server=args.mcp, theme=THEME,
        head=HEAD, max_threads=args.queue_size + 40, footer_links=["api"], ssr_mode=False,
        allowed_paths=[str(EXAMPLES)], enable_monitoring=False, show_error=True, state_session_capacity=100,
        app_kwargs={"middleware": middleware([*args.allow_host, args.host], args.share)}, **LAUNCH,
    )


def cli():
    """`python app.py` and the command `wct-page`: `main`, and the end of the process."""
    main()
    sys.stdout.flush()
    os._exit(0)  # a run that is still computing has nobody left to wait for it


if __name__ == "__main__":
    cli()
