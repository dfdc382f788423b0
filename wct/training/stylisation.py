"""Training through the whitening and colouring transform."""

from dataclasses import dataclass

import torch

from wct.pipeline.passes import single_pass
from wct.training.losses import content_loss, layers, moments, stage_ends, style_loss, total_variation
from wct.training.photos import batches, centre, read_folder
from wct.training.reconstruction import psnr_line, random_level, reconstruction_loss
from wct.transform import Statistics, colouring, map_between, statistics, whitening

HELD_OUT_STYLES = (
    "kandinsky-composition-viii", "cassatt-summertime", "van-gogh-langlois-bridge", "hokusai-poppies",
)


class Stylisation:
    """All blocks learn end to end, on random pairs with the transform between them; one step in ten reconstructs.

    The styles are a bank of crops of paintings and of photos, encoded once.
    """

    kind, levels = "stylised", 4

    def __init__(self, encoder, decoder, photos, args, layout):
        self.encoder, self.decoder, self.layout = encoder, decoder, layout
        self.learning, self.content_weight = list(decoder.blocks.values()), args.content_weight
        self.crops = batches(photos, args.crop, args.batch, (0.4, 1.0))
        pictures = read_folder(args.styles)
        paintings = [picture for name, picture in pictures.items() if name not in HELD_OUT_STYLES]
        if not paintings:
            raise SystemExit(f"--styles {args.styles} has no .jpg paintings to learn from")
        self.unseen = [picture for name, picture in pictures.items() if name in HELD_OUT_STYLES] or paintings
        self.bank = []
        for crops, count in ((batches(paintings, 384, 1, (0.25, 1.0), colour=0.2), args.bank * 2 // 3),
                             (batches(photos, 288, 1, (0.5, 1.0), colour=0.2), args.bank // 3)):
            self.bank += [target(encoder, self.levels, next(crops).to(**layout)) for _ in range(count)]

    def styles(self, count):
        """Some of the bank, as a batch."""
        return Target.batch([self.bank[i] for i in torch.randint(len(self.bank), (count,))]).to(self.layout["device"])

    def forward(self):
        """The stylised picture of a batch."""
        contents = layers(self.encoder, next(self.crops).to(**self.layout))
        stylise(self.decoder, stage_ends(contents)[: self.levels], self.styles(len(contents[0])))

    def loss(self, step):
        """The loss of a step, and a line for the log."""
        pictures = next(self.crops).to(**self.layout)
        if step % 10 == 0:
            loss = reconstruction_loss(self.encoder, self.decoder, pictures, random_level(self.levels))
            return loss, f"reconstruction {float(loss.detach()):.4f}"
        style, content, penalty = stylisation_losses(
            self.encoder, self.decoder, pictures, self.styles(len(pictures)))
        line = f"style {float(style.detach()):.4f} content {float(content.detach()):.4f}"
        return style + self.content_weight * content + penalty, line

    @torch.inference_mode()
    def validate(self, decoder, held_out):
        """A line for the log: PSNR on photos held out, and mean losses of eight of them in paintings held out."""
        rows = []
        for i, photo in enumerate(held_out[:8]):
            content, painting = (centre(p).to(**self.layout) for p in (photo, self.unseen[i % len(self.unseen)]))
            style = target(self.encoder, self.levels, painting).to(self.layout["device"])
            rows.append([float(x) for x in stylisation_losses(self.encoder, decoder, content, style)[:2]])
        line = psnr_line(self.encoder, decoder, held_out)
        return line + " style {:.4f} content {:.4f}".format(*torch.tensor(rows).mean(0).tolist())


@dataclass
class Target:
    """A style, or several as a batch: `moments` of its layers, and for the transform `colouring` of its levels."""

    moments: list
    roots: list

    def to(self, device):
        return Target([tuple(x.to(device) for x in pair) for pair in self.moments], [x.to(device) for x in self.roots])

    @staticmethod
    def batch(targets):
        """Those of several styles as one."""
        moments, roots = (zip(*part) for part in zip(*((one.moments, one.roots) for one in targets)))
        return Target([tuple(map(torch.cat, zip(*pairs))) for pairs in moments], list(map(torch.cat, roots)))


@torch.no_grad()
def target(encoder, levels, picture):
    """The Target of a picture (1, 3, H, W), on the CPU."""
    found = layers(encoder, picture)
    roots = [colouring(statistics(f), method="eigh") for f in stage_ends(found)[:levels]]
    return Target([moments(f) for f in found], roots).to("cpu")


def stylise(decoder, contents, style):
    """The program's single pass, with the whitening differentiated by the Lyapunov equation."""
    ends = stage_ends(style.moments)

    def transform(xs, level):
        with torch.autocast(xs[0].device.type, enabled=False):  # the map is rounded once, as in the program
            content, (gram, mean) = statistics(*xs), ends[level - 1]
            wanted = Statistics(mean, gram - mean[..., :, None] * mean[..., None, :])
            return [map_between(content, wanted, whitening(content, method="eigh"), style.roots[level - 1])]

    return single_pass(decoder, [list(contents)], transform)[0]


def stylisation_losses(encoder, decoder, pictures, style):
    """Style and content losses of stylised pictures, and a penalty on noise and on excess of [0, 1]."""
    with torch.no_grad():
        contents = layers(encoder, pictures)
    output = stylise(decoder, stage_ends(contents)[: decoder.levels], style)
    ours = layers(encoder, output)
    penalty = 0.1 * total_variation(output) + 10 * (output - output.clamp(0, 1)).pow(2).mean()
    return style_loss([moments(f) for f in ours], style.moments), content_loss(ours, contents), penalty
