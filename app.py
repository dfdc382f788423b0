"""The web page: python app.py. Its command line is wct/web/__main__.py, the page itself wct/web/page.py."""

from wct.web.__main__ import cli

if __name__ == "__main__":
    cli()
