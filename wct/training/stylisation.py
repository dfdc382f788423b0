"""Training through the whitening and colouring transform."""

from dataclasses import dataclass

import torch
from torchvision.transforms.v2 import functional as v2

from wct.options import Options
from wct.training.artefacts import blotches, halo, weave
from wct.training.balance import balance, scale_loss
from wct.training.losses import content_loss, layers, moments, stage_ends, style_loss, total_variation
from wct.training.photos import crops, read_folder
from wct.training.reconstruction import chain_loss, psnr_line
from wct.transform import Statistics, colouring, statistics, whitening, zca

HELD_OUT_STYLES = (
    # of examples/style
    "kandinsky-composition-viii", "cassatt-summertime", "van-gogh-langlois-bridge", "hokusai-poppies",
    # of the paintings that are not distributed, one of a kind: cubism, landscape in oil, old master, watercolour
    # pattern, portrait, mosaic, ink, pencil, flat figures, watercolour, impressionism, dripped paint
    "006", "024", "026", "044", "051", "066", "072", "081", "082", "080", "088", "114",
)
CONTENT_LAYERS = slice(3, None)  # of `layers`: from relu2_2 on. What lies before is the style's, and large to keep
WEIGHTS = {"style": 1.0, "content": None, "noise": 0.1, "excess": 10.0, "weave": 1.0, "halo": 5.0, "blotch": 24.0,
           "scale": 0.01}


class Stylisation:
    """All that learns, learns end to end, on random pairs with the transform between the blocks; one step in eight
    reconstructs photos.

    Photos and styles come from banks, of crops of photos with their features for the content loss, and of crops of
    paintings, and of photos for a third, with their moments for the style loss.
    """

    kind, levels = "stylised", 4

    def __init__(self, networks, loss_network, photos, args, layout):
        self.networks, self.loss_network, self.layout = networks, loss_network, layout
        self.fixed = networks.name == "full"  # its encoder is the loss network: what it gives is known from the start
        self.learning = list(networks.decoder.blocks.values())
        self.weights = WEIGHTS | {"content": args.content_weight}
        pictures = {name: picture for folder in args.styles for name, picture in read_folder(folder).items()}
        paintings = [picture for name, picture in pictures.items() if name not in HELD_OUT_STYLES]
        if not paintings:
            raise SystemExit(f"--styles {' '.join(map(str, args.styles))}: no .jpg paintings to learn from")
        self.unseen = [picture for name, picture in pictures.items() if name in HELD_OUT_STYLES] or paintings
        self.batch = args.batch
        self.photos = crops(photos, args.crop, (0.3, 1.0))
        self.painted = crops(paintings, args.style_crop, (0.15, 1.0), recoloured=True)
        as_style = crops(photos, args.style_crop, (0.4, 1.0), recoloured=True)
        self.contents = Bank(lambda: self.content(next(self.photos)), args.bank)
        self.styles = Bank(lambda: self.style(next(as_style if torch.rand(()) < 0.35 else self.painted)), args.bank)

    def prepare(self):
        """Bring an encoder that learns into shape; how many of its channels were dead."""
        if self.fixed:
            return 0
        return balance(self.networks, [next(kind) for _ in range(48) for kind in (self.photos, self.painted)])

    def forward(self):
        """The stylised pictures of a batch."""
        self.stylised(self.networks, Batch.of(self.contents.draw(self.batch)), Batch.of(self.styles.draw(self.batch)))

    def loss(self, step):
        """The loss of a step, and a line for the log."""
        if step % 8 == 7:
            pictures = torch.cat([next(self.photos) for _ in range(self.batch)]).to(**self.layout)
            loss = 0.5 * chain_loss(self.networks.encoder, self.networks.decoder, pictures)
            return loss, f"reconstruction {float(loss.detach()):.4f}"
        found = self.losses(self.networks, self.contents.draw(self.batch), self.styles.draw(self.batch))
        line = " ".join(f"{name} {float(value.detach()):.4f}" for name, value in found.items())
        return sum(self.weights[name] * value for name, value in found.items()), line

    @torch.inference_mode()
    def validate(self, networks, held_out):
        """A line for the log: PSNR on photos held out, and mean losses of eight of them in paintings held out."""
        rows = []
        for i, photo in enumerate(held_out[:8]):
            pair = [v2.center_crop(p, 256)[None].float() / 255 for p in (photo, self.unseen[i % len(self.unseen)])]
            rows.append(self.losses(networks, [self.content(pair[0])], [self.style(pair[1])]))
        means = {name: sum(float(row[name]) for row in rows) / len(rows) for name in rows[0]}
        line = psnr_line(networks.encoder, networks.decoder, held_out[:8])
        return line + "".join(f" {name} {value:.4f}" for name, value in means.items())

    def losses(self, networks, contents, styles):
        """Those of WEIGHTS by name, of as many pairs of Crops."""
        content, style = (Batch.of(crops).to(self.layout) for crops in (contents, styles))
        output, features = self.stylised(networks, content, style)
        output = output.float()
        ours = layers(self.loss_network, output)
        return {
            "style": style_loss([moments(f) for f in ours], style.known),
            "content": content_loss(ours[CONTENT_LAYERS], content.known),
            "noise": total_variation(output),
            "excess": (output - output.clamp(0, 1)).pow(2).mean(),
            "weave": weave(output, content.pictures, style.pictures),
            "halo": halo(output, content.pictures),
            "blotch": blotches(output, content.pictures),
            "scale": scale_loss(features),
        }

    def stylised(self, networks, content, style):
        """The program's single pass at full strength (`wct.pipeline.passes`), pictures (B, 3, H, W), with whitening and
        colouring differentiated by the Lyapunov equation; and the content's features."""
        features = content.encoded or networks.encoder(content.pictures, self.levels)
        targets = style.rooted or [rooted(f, colouring) for f in networks.encoder(style.pictures)]
        x, own = features[-1], content.rooted and content.rooted[-1]
        for level in range(self.levels, 0, -1):
            with torch.autocast(x.device.type, enabled=False):  # the map is rounded once, as in the program
                *own, white = own or rooted(x, whitening)
                *target, root = targets[level - 1]
                change = zca(Statistics(*own), Statistics(*target), white, root)
            x, own = networks.decoder.block(level)(change(x)), None
            if level > 1:
                x = torch.lerp(x, features[level - 2], Options.detail)
        return x, features

    @torch.no_grad()
    def content(self, picture):
        """The Crop of a photo (1, 3, H, W): features, in half precision to spare memory."""
        found = [f.bfloat16().cpu() for f in self._layers(picture)]
        crop = Crop(picture, found[CONTENT_LAYERS])
        if self.fixed:
            crop.encoded = stage_ends(found)[: self.levels]
            crop.rooted = [rooted(crop.encoded[-1], whitening)]
        return crop

    @torch.no_grad()
    def style(self, picture):
        """The Crop of a style (1, 3, H, W): moments."""
        found = self._layers(picture)
        crop = Crop(picture, [tuple(x.cpu() for x in moments(f)) for f in found])
        if self.fixed:
            crop.rooted = [tuple(x.cpu() for x in rooted(f, colouring)) for f in stage_ends(found)[: self.levels]]
        return crop

    def _layers(self, picture):
        return layers(self.loss_network, picture.to(**self.layout))


def rooted(features, root):
    """Mean and covariance (B, n), (B, n, n) of features, and the covariance's root: `whitening` or `colouring`."""
    own = statistics(features)
    return own.mean, own.covariance, root(own, method="eigh")


@dataclass
class Crop:
    """A picture (1, 3, H, W) in [0, 1], and what is known of it.

    known: for the losses, features or pairs of moments. Of a fixed encoder besides, encoded: its features; rooted: what
    `rooted` gives of the levels whose statistics nothing learned can change.
    """

    picture: torch.Tensor
    known: list
    encoded: list | None = None
    rooted: list | None = None


@dataclass
class Batch:
    """Crops of one size together, as Crop has them."""

    pictures: torch.Tensor
    known: list
    encoded: list | None
    rooted: list | None

    @staticmethod
    def of(crops):
        parts = ([getattr(crop, name) for crop in crops] for name in ("known", "encoded", "rooted"))
        return Batch(torch.cat([crop.picture for crop in crops]), *map(_together, parts))

    def to(self, layout):
        rest = (_each(part, lambda x: x.to(layout["device"])) for part in (self.known, self.encoded, self.rooted))
        return Batch(self.pictures.to(**layout), *rest)


def _together(lists):
    """Lists of tensors, or of tuples of tensors, as one; None where they are None."""
    if lists[0] is None:
        return None
    return [tuple(map(torch.cat, zip(*parts))) if isinstance(parts[0], tuple) else torch.cat(parts)
            for parts in zip(*lists)]


def _each(parts, function):
    if parts is None:
        return None
    return [tuple(map(function, part)) if isinstance(part, tuple) else function(part) for part in parts]


class Bank:
    """Some of many things that are dear to make: a draw makes a new one until the bank is full, and then one in ten
    draws, in another's place."""

    def __init__(self, make, most):
        self.make, self.most, self.kept = make, most, []

    def draw(self, count):
        """`count` of them."""
        fresh = []
        if len(self.kept) < self.most or torch.rand(()) < 0.1:
            fresh = [self.make()]
            if len(self.kept) == self.most:
                self.kept.pop(int(torch.randint(self.most, ())))
            self.kept += fresh
        return fresh + [self.kept[i] for i in torch.randint(len(self.kept), (count - len(fresh),))]
