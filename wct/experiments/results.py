"""Rows of results in a file that grows, and what is made of them: a Markdown table."""

import json
import shlex
import sys

from wct.runtime.files import write_whole


def machine(device):
    """Settings of every experiment."""
    import torch

    return {"torch": torch.__version__.split("+")[0], "device": str(device), "threads": torch.get_num_threads()}


class Results:
    """Rows (dicts) by key in DIR/NAME.json, written anew with each, so that a run resumes where it was broken off."""

    def __init__(self, folder, name, settings):
        """`settings` are what all rows share; those of a file that is there must be the same."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.table, self.plot = (folder / f"{name}.{suffix}" for suffix in ("json", "md", "png"))
        self.settings, self.rows = settings, {}
        if self.path.exists():
            known = json.loads(self.path.read_text(encoding="utf-8"))
            if known["settings"] != settings:
                raise ValueError(f"{self.path} was made with {known['settings']}, not {settings}; name another "
                                 "--output or delete it")
            self.rows = {row["key"]: row for row in known["rows"]}

    def add(self, key, work, *arguments):
        """The row of `key`, by work(*arguments) -> dict where there is none yet."""
        if key not in self.rows:
            self.rows[key] = {"key": key, **work(*arguments)}
            text = json.dumps({"settings": self.settings, "rows": list(self.rows.values())}, indent=1)
            write_whole(self.path, lambda file: file.write(text.encode()))
            print(", ".join(f"{k} {format_number(v)}" for k, v in self.rows[key].items()), flush=True)
        return self.rows[key]

    def write_table(self, title, tables, notes):
        """Write and print tables (headings, lines) in Markdown, the command that made them above and notes below."""
        command = "python -m wct.experiments " + shlex.join(sys.argv[1:])
        settings = ", ".join(f"{k} {v}" for k, v in self.settings.items())
        blocks = [f"# {title}", f"`{command}`", settings, *(markdown(*table) for table in tables), notes]
        text = "\n\n".join(blocks) + "\n"
        write_whole(self.table, lambda file: file.write(text.encode()))
        print("\n" + text)


def markdown(headings, lines):
    rows = [headings, ["---"] * len(headings), *([format_number(cell) for cell in line] for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def format_number(value):
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def mean_and_spread(values):
    """"mean ± standard deviation" of numbers, in their own unit; a dash for none."""
    if not values:
        return "-"
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:.2f}"
    return f"{mean:.2f} ± {(sum((v - mean) ** 2 for v in values) / (len(values) - 1)) ** 0.5:.2f}"
