"""The pictures that come with the program."""

from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def titles(folder):
    """{path: "artist: work"} of the example pictures in a folder, as examples/CREDITS.md has them."""
    rows = (line.split(" | ") for line in (EXAMPLES / "CREDITS.md").read_text(encoding="utf-8").splitlines())
    named = {EXAMPLES / row[0].removeprefix("| "): f"{row[2]}: {row[1]}" for row in rows if len(row) > 3}
    return {path: named.get(path, path.stem) for path in sorted((EXAMPLES / folder).glob("*.jpg"))}
