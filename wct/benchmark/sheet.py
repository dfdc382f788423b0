"""Pictures beside those of the public programs, as one sheet: python -m wct.benchmark sheet"""

from pathlib import Path

from wct.benchmark import peers
from wct.benchmark.common import make_folders, side
from wct.runtime.arguments import count
from wct.runtime.examples import EXAMPLES

PAIRS = (  # the first four paintings were never learned from
    ("astronaut", "cassatt-summertime"), ("chelsea", "kandinsky-composition-viii"),
    ("moose", "van-gogh-langlois-bridge"), ("coffee", "hokusai-poppies"),
    ("panda", "hokusai-great-wave"), ("rocket", "van-gogh-cafe-terrace-at-night"),
    ("astronaut", "kandinsky-composition-viii"), ("rocket", "cassatt-summertime"),
    ("panda", "hokusai-poppies"), ("chelsea", "van-gogh-langlois-bridge"),
    ("moose", "arcimboldo-spring"), ("coffee", "renoir-moulin-de-la-galette"),
)
CELL = 200  # side of a picture on the sheet
HEAD = 32  # height of the headings


def add_command(commands):
    parser = commands.add_parser(
        "sheet", help="pictures beside those of the public programs",
        description="Draw twelve pairs of examples/, each a square: photo, painting, the single pass, the classic "
        "five-level cascade (Li et al. 2017) on our networks, and with --adain and --microast theirs by their own.",
    )
    parser.set_defaults(run=main)
    add = parser.add_argument
    add("--output", type=Path, default=Path("sheet.jpg"), metavar="FILE", help="default: sheet.jpg")
    peers.add_options(parser)
    add("--size", type=side, default=512, metavar="N", help="side of the pictures, a multiple of 16 (default: 512)")
    add("--pairs", type=count, default=len(PAIRS), metavar="N", help="how many of the pairs (default: all)")


def rows(pairs, size, programs):
    """For each pair the pictures of its row, PIL images: content, style and what each program makes of them."""
    from PIL import ImageOps

    from wct.images import open_picture

    for names in pairs:
        paths = (EXAMPLES / kind / f"{name}.jpg" for kind, name in zip(("content", "style"), names))
        content, style = (ImageOps.fit(open_picture(path).rgb, (size, size)) for path in paths)
        yield content, style, *(program(content, style) for program in programs)


def sheet(headings, rows):
    """One PIL image of rows of pictures below headings."""
    from PIL import Image, ImageDraw, ImageFont

    canvas = Image.new("RGB", (CELL * len(headings), HEAD + CELL * len(rows)), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(18)
    for x, heading in enumerate(headings):
        draw.text((CELL * x + CELL // 2, HEAD // 2), heading, "black", font, anchor="mm")
        for y, row in enumerate(rows):
            canvas.paste(row[x].resize((CELL, CELL), Image.Resampling.LANCZOS), (CELL * x, HEAD + CELL * y))
    return canvas


def main(args, parser):
    from tqdm import tqdm

    from wct import Stylizer
    from wct.benchmark.baselines import Classic
    from wct.images import FORMATS, PictureError, save_picture

    if args.output.suffix.lower() not in (suffix for kind in FORMATS.values() for suffix in kind.suffixes):
        parser.error(f"--output {args.output} must end in .jpg, .png or .webp")
    make_folders(parser, args.output.parent)
    stylizer, classic = Stylizer.from_pretrained(device="cpu"), Classic("cpu")
    programs = {"ours": stylizer, "classic WCT": lambda *pair: classic.stylise(*pair).picture}
    programs |= {peers.NAMES[name]: peer.stylise for name, peer in peers.named(args, parser).items()}
    made = rows(PAIRS[:args.pairs], args.size, programs.values())
    try:
        save_picture(sheet(["photo", "painting", *programs], list(tqdm(made, total=len(PAIRS[:args.pairs])))),
                     args.output)
    except PictureError as error:
        parser.error(str(error))
