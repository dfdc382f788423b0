"""Mode photo beside the classical transfers of colour: python -m wct.benchmark photo"""

import importlib.util
import sys
from pathlib import Path

from wct.benchmark.common import count, make_folders, print_table, report
from wct.options import NETWORK
from wct.runtime.arguments import list_of, one_of
from wct.runtime.examples import EXAMPLES
from wct.runtime.report import report_path

PAIRS = (  # of examples/content, for the sheet
    ("moose", "rocket"), ("rocket", "coffee"), ("chelsea", "rocket"), ("astronaut", "coffee"),
    ("panda", "chelsea"), ("coffee", "moose"), ("moose", "coffee"), ("astronaut", "rocket"),
)
MEASURES = ("gram", "moments", "structure", "contrast", "ssim")
COLUMNS = ("program", "pairs", *(f"{name}{kind}" for name in MEASURES for kind in ("", "_se")))
CELL = 240  # width of a picture on the sheet


def add_command(commands):
    parser = commands.add_parser(
        "photo", help="mode photo, beside the classical transfers of colour",
        description="Give photos the light and colours of others, by mode photo, Reinhard's transfer, the linear "
        "Monge-Kantorovich map and histogram matching: distances to the style in features (Gram, mean and deviation), "
        "and how much of the photo is left (SSIM's factor of structure; SSIM of the normalised local contrast; SSIM). "
        "Means over the pairs with their standard errors.",
    )
    parser.set_defaults(run=main)
    add = parser.add_argument
    add("--photos", type=Path, metavar="DIR", help="a folder of photos: each takes the colours of the one half the "
        "list away (default: eight pairs of examples/)")
    add("--pairs", type=Path, metavar="FILE", help="lines with two names of the folder's, photo and style")
    add("--size", type=count, default=512, metavar="N", help="longest side of the pictures (default: 512)")
    add("--network", type=list_of(one_of(*NETWORK.choices)), default=list(NETWORK.choices), metavar="N[,N]",
        help="default: both")
    add("--judge", type=Path, metavar="DIR", help="a folder with judge.py, whose Judge().features(x) gives the layers "
        "that distances are taken in (default: our encoder's, which sees itself more kindly than another would)")
    add("--report", type=report_path, metavar="FILE", help="write one row per program to FILE.json or .csv")
    add("--sheet", type=Path, metavar="FILE", help="also draw the pairs: photo, style, and every program's picture")


def pairs_of(args, parser):
    """The pairs of paths (photo, style)."""
    from wct.images import PictureError, find_pictures

    if args.photos is None:
        return [tuple(EXAMPLES / "content" / f"{name}.jpg" for name in pair) for pair in PAIRS]
    try:
        if args.pairs is None:
            found = list(find_pictures(args.photos))
            return list(zip(found, found[len(found) // 2:] + found[:len(found) // 2]))
        lines = [line.split() for line in args.pairs.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, PictureError) as error:
        parser.error(str(error))
    if not lines or any(len(names) != 2 for names in lines):
        parser.error(f"{args.pairs}: each line names a photo and a style")
    return [tuple(args.photos / name for name in names) for names in lines]


def eyes(folder, parser):
    """The features that distances are taken in: a function of a picture."""
    if folder is None:
        from models import load_encoder

        return load_encoder(4)
    file = folder / "judge.py"
    if not file.is_file():
        parser.error(f"{folder} has no judge.py")
    spec = importlib.util.spec_from_file_location("judge", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["judge"] = module
    spec.loader.exec_module(module)
    return module.Judge().features


def programs(networks):
    """{name: a function of two PIL images that gives the picture, a tensor}."""
    from wct.benchmark.recolouring import CLASSICAL
    from wct.images import to_tensor
    from wct.pipeline.stylizer import Stylizer

    def ours(network):
        stylizer = Stylizer.from_pretrained(network=network)
        return lambda photo, style: to_tensor(stylizer(photo, style, mode="photo"))

    def theirs(function):
        return lambda photo, style: function(to_tensor(photo), to_tensor(style))

    return {name: theirs(function) for name, function in CLASSICAL.items()} | {
        f"photo, {network}": ours(network) for network in networks}


def measured(picture, photo, features, others):
    """The measures of a picture beside the photo, tensors, and the style's features."""
    from wct.benchmark.recolouring import contrast, distances, ssim, structure

    gram, moments = distances(features(picture), others)
    return (gram, moments, *(measure(picture, photo) for measure in (structure, contrast, ssim)))


def row(name, values):
    """One row of the report from the measures of each pair."""
    import torch

    values = torch.tensor(values)  # (pairs, measures)
    means, errors = values.mean(0), values.std(0, correction=min(1, len(values) - 1)) / len(values) ** 0.5
    cells = {"program": name, "pairs": len(values)}
    for measure, mean, error in zip(MEASURES, means.tolist(), errors.tolist()):
        cells |= {measure: mean, f"{measure}_se": error}
    return cells


def draw(path, rows):
    """The sheet: rows of PIL images, each as wide as CELL."""
    from PIL import Image

    from wct.images import save_picture

    rows = [[image.resize((CELL, round(CELL * image.height / image.width))) for image in row] for row in rows]
    heights = [max(image.height for image in row) for row in rows]
    sheet = Image.new("RGB", (CELL * max(map(len, rows)), sum(heights)), "white")
    for i, row_ in enumerate(rows):
        for k, image in enumerate(row_):
            sheet.paste(image, (CELL * k, sum(heights[:i])))
    save_picture(sheet, path)


def main(args, parser):
    import torch

    from wct.images import PictureError, check_room, open_picture, to_pil, to_tensor

    make_folders(parser, args.sheet and args.sheet.parent, args.report and args.report.parent)
    pairs = pairs_of(args, parser)
    try:
        if args.sheet:
            check_room((6 * CELL, 1), args.sheet)
    except PictureError as error:
        parser.error(str(error))
    features, found = eyes(args.judge, parser), programs(args.network)
    measures, rows = {name: [] for name in found}, []
    with torch.inference_mode():
        for paths in pairs:
            try:
                photo, style = (open_picture(path, max_size=args.size).rgb for path in paths)
            except PictureError as error:
                parser.error(str(error))
            others, made = features(to_tensor(style)), []
            for name, program in found.items():
                made.append(to_pil(program(photo, style)))
                measures[name].append(measured(to_tensor(made[-1]), to_tensor(photo), features, others))
            rows.append([photo, style, *made])
    table = [("program", "program", 20, "")] + [
        (heading, key, 9, ".3f") for name in MEASURES for heading, key in ((name, name), ("+-", f"{name}_se"))]
    report(parser, args.report, list(print_table([row(*pair) for pair in measures.items()], table, [])), COLUMNS)
    if args.sheet:
        draw(args.sheet, rows)
