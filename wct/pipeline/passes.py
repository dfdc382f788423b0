"""The ways through the networks, over all the tiles of a picture at once: between levels they share their maps."""

import torch

DETAIL = 0.06  # share of the content's own features below the deepest level, at full strength


def single_pass(decoder, features, transform, strength=1.0, detail=DETAIL):
    """Transform and decode level by level, each block's output joined by a share of the content's own features.

    features: of every tile the content's [relu1_1, ...], as many levels as take part; the lists are emptied, to free
    memory on the way. transform: called with the features of all tiles at a level and the level, gives a map for each.
    That share is `detail` at full strength and everything at strength 0, which leaves the photo as it is.
    Returns the pixels of every tile, (B, 3, H, W), not clamped.
    """
    xs = [own.pop() for own in features]
    for level in range(len(features[0]) + 1, 0, -1):
        maps = transform(xs, level)
        for i, own in enumerate(features):
            xs[i] = decoder.block(level)(maps[i](xs[i]))
            if level > 1:
                xs[i] = torch.lerp(own.pop(), xs[i], strength * (1 - detail))
    return xs


def cascade(encode, decoder, pixels, features, levels, transform, strength=1.0):
    """Encode, transform and decode once per level, deepest first (Li et al. 2017).

    pixels: of every tile, (B, 3, H, W). encode: called with pixels and a level, gives their features there. features,
    transform, strength and what is returned are as in `single_pass`, but clamped; only the deepest features are used.
    """
    xs = list(pixels)
    for level in range(levels, 0, -1):
        features = [own.pop() for own in features] if level == levels else [encode(x, level) for x in xs]
        maps = transform(features, level)
        for i, own in enumerate(pixels):
            xs[i] = torch.lerp(own, decoder(maps[i](features[i]), level).clamp(0, 1), strength)
    return xs


def luminance(x):
    """Of pictures (B, 3, H, W): (B, 1, H, W)."""
    return (x.new_tensor([0.299, 0.587, 0.114])[:, None, None] * x.clamp(0, 1)).sum(1, keepdim=True)


def light(pictures):
    """Standard deviation and mean of the luminance over all of some pictures (1, 3, H, W)."""
    return torch.std_mean(torch.cat([luminance(x).flatten() for x in pictures]), correction=0)


def keep_colours(stylised, photo, lights):
    """The photo's colours with the light and dark of the stylised picture, both (B, 3, H, W) in [0, 1].

    The luminance is replaced (Gatys et al., "Preserving Color in Neural Artistic Style Transfer", 2016), its mean
    and deviation brought to the photo's. lights: `light` of the whole stylised picture and of the whole photo.
    """
    (new_std, new_mean), (old_std, old_mean) = lights
    new = (luminance(stylised) - new_mean) * old_std / new_std.clamp(min=1e-3) + old_mean
    return photo + new - luminance(photo)
