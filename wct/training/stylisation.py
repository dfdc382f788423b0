"""Training through the whitening and colouring transform."""

from dataclasses import dataclass

import torch
from torchvision.transforms.v2 import functional as v2

from wct.options import Options
from wct.training.artefacts import halo, weave
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
WEIGHTS = {"style": 1.0, "content": None, "noise": 0.1, "excess": 10.0, "weave": 1.0, "halo": 2.5}


class Stylisation:
    """All that learns, learns end to end, on random pairs with the transform between the blocks; one step in eight
    reconstructs photos.

    Photos and styles come from banks, of crops of photos with their features for the content loss, and of crops of
    paintings, and of photos for a fifth, with their moments for the style loss.
    """

    kind, levels = "stylised", 4

    def __init__(self, networks, loss_network, photos, args, layout):
        self.networks, self.loss_network, self.layout = networks, loss_network, layout
        self.learning = list(networks.decoder.blocks.values())
        self.weights = WEIGHTS | {"content": args.content_weight}
        pictures = {name: picture for folder in args.styles for name, picture in read_folder(folder).items()}
        paintings = [picture for name, picture in pictures.items() if name not in HELD_OUT_STYLES]
        if not paintings:
            raise SystemExit(f"--styles {' '.join(map(str, args.styles))}: no .jpg paintings to learn from")
        self.unseen = [picture for name, picture in pictures.items() if name in HELD_OUT_STYLES] or paintings
        self.batch = args.batch
        self.photos = crops(photos, args.crop, (0.3, 1.0))
        painted = crops(paintings, args.style_crop, (0.15, 1.0), colour=0.2)
        as_style = crops(photos, args.style_crop, (0.4, 1.0), colour=0.2)
        self.contents = Bank(lambda: self.content(next(self.photos)), args.bank)
        self.styles = Bank(lambda: self.style(next(as_style if torch.rand(()) < 0.2 else painted)), args.bank)

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
        output = self.stylised(networks, content, style).float()
        ours = layers(self.loss_network, output)
        return {
            "style": style_loss([moments(f) for f in ours], style.known),
            "content": content_loss(ours[CONTENT_LAYERS], content.known),
            "noise": total_variation(output),
            "excess": (output - output.clamp(0, 1)).pow(2).mean(),
            "weave": weave(output, content.pictures, style.pictures),
            "halo": halo(output, content.pictures),
        }

    def stylised(self, networks, content, style):
        """The program's single pass at full strength (`wct.pipeline.passes`), pictures (B, 3, H, W), with whitening and
        colouring differentiated by the Lyapunov equation."""
        if networks.name == "full":  # its encoder is the loss network: the statistics are known
            ends = stage_ends(style.known)[: self.levels]
            targets = [Statistics(mean, gram - mean[..., :, None] * mean[..., None, :]) for gram, mean in ends]
        else:
            targets = [statistics(f) for f in networks.encoder(style.pictures)]
        features = networks.encoder(content.pictures, self.levels)
        x = features[-1]
        for level in range(self.levels, 0, -1):
            with torch.autocast(x.device.type, enabled=False):  # the map is rounded once, as in the program
                own, target = statistics(x), targets[level - 1]
                change = zca(own, target, whitening(own, method="eigh"), colouring(target, method="eigh"))
            x = networks.decoder.block(level)(change(x))
            if level > 1:
                x = torch.lerp(x, features[level - 2], Options.detail)
        return x

    @torch.no_grad()
    def content(self, picture):
        """The Crop of a photo (1, 3, H, W): features, in half precision to spare memory."""
        return Crop(picture, [f.bfloat16().cpu() for f in self._layers(picture)[CONTENT_LAYERS]])

    @torch.no_grad()
    def style(self, picture):
        """The Crop of a style (1, 3, H, W): moments."""
        return Crop(picture, [tuple(x.cpu() for x in moments(f)) for f in self._layers(picture)])

    def _layers(self, picture):
        return layers(self.loss_network, picture.to(**self.layout))


@dataclass
class Crop:
    """A picture (1, 3, H, W) in [0, 1], and what is known of it for the losses: features, or pairs of moments."""

    picture: torch.Tensor
    known: list


@dataclass
class Batch:
    """Crops of one size together."""

    pictures: torch.Tensor
    known: list

    @staticmethod
    def of(crops):
        known = [tuple(map(torch.cat, zip(*parts))) if isinstance(parts[0], tuple) else torch.cat(parts)
                 for parts in zip(*(crop.known for crop in crops))]
        return Batch(torch.cat([crop.picture for crop in crops]), known)

    def to(self, layout):
        device = layout["device"]
        known = [tuple(x.to(device) for x in k) if isinstance(k, tuple) else k.to(device) for k in self.known]
        return Batch(self.pictures.to(**layout), known)


class Bank:
    """Some of many things that are dear to make: every draw but of a full bank makes a new one."""

    def __init__(self, make, most):
        self.make, self.most, self.kept = make, most, []

    def draw(self, count):
        """`count` of them."""
        fresh = []
        if len(self.kept) < self.most:
            fresh = [self.make()]
            self.kept += fresh
        return fresh + [self.kept[i] for i in torch.randint(len(self.kept), (count - len(fresh),))]
