"""What programs and language models may ask for: the endpoints of the API, which are the tools of MCP too.

Their names, parameters and docstrings are what clients are told.
"""

from contextlib import contextmanager

import gradio as gr

from wct.options import NETWORK, OPTIONS, TEXTURE_NETWORK, Options
from wct.web.gradio_internals import no_tool
from wct.web.handlers import saved, sentence
from wct.web.turns import Cancelled
from wct.web.uploads import fetched


def _help(option):
    """What clients are told of an option, in one line, as Gradio reads it."""
    told = f"{option.name}: {option.help}"
    if option.choices:
        return f"{told} ({' or '.join(option.choices)})"
    return told if option.most is None else f"{told} ({option.least:g} to {option.most:g})"


HELP = {option.name: _help(option) for option in (NETWORK, *OPTIONS.values())} | {
    "size": "size: longest side of results in pixels; by default the photo's own, as far as the server allows it"}


def documented(endpoint):
    """The endpoint, with the help of options in its docstring, where their names stand in braces."""
    endpoint.__doc__ = (endpoint.__doc__ or "").format_map(HELP)
    return endpoint


@contextmanager
def readable():
    """Turn what goes wrong inside into a message for clients."""
    try:
        yield
    except (ValueError, MemoryError, OSError, Cancelled) as error:
        raise gr.Error(sentence(error), print_exception=False) from error


class Api:
    """The endpoints over a Web, for single pictures, and a Many."""

    def __init__(self, web, many):
        self.web, self.many = web, many

    @documented
    def stylise(self, content, style, strength=Options.strength, size=None, network=NETWORK.default,
                keep_colors=Options.keep_colors, stroke=Options.stroke, mode=Options.mode, transform=Options.transform,
                detail=Options.detail, backend=Options.backend, ridge=Options.ridge, relu1_1=1.0, relu2_1=1.0,
                relu3_1=1.0, relu4_1=1.0, relu5_1=0.0, progress=gr.Progress()):
        """Give a photo the style of a painting.

        Args:
            content: the photo
            style: the painting, or any other picture, whose style is taken
            {strength}
            {size}
            {network}
            {keep_colors}
            {stroke}
            {mode}
            {transform}
            {detail}
            {backend}
            {ridge}
            relu1_1: strength at the finest level, 0 to 1: colours
            relu2_1: strength at this level: grain
            relu3_1: strength at this level: small strokes
            relu4_1: strength at this level: strokes
            relu5_1: strength at the deepest level, which "small" has not: shapes

        Returns:
            the result, and the seconds it took
        """
        with readable():
            made = self.web.stylised(
                content, style, [relu1_1, relu2_1, relu3_1, relu4_1, relu5_1], size, progress, network=network,
                strength=strength, keep_colors=keep_colors, stroke=stroke, mode=mode, transform=transform,
                detail=detail, backend=backend, ridge=ridge,
            )
            return saved(made), made.told

    @documented
    def mix(self, content, style_1, weight_1=0.5, mask_1=None, part_1=None, painted_1=None, style_2=None, weight_2=0.5,
            mask_2=None, part_2=None, painted_2=None, style_3=None, weight_3=0.5, mask_3=None, part_3=None,
            painted_3=None, strength=Options.strength, size=None, network=NETWORK.default,
            keep_colors=Options.keep_colors, transform=Options.transform, progress=gr.Progress()):
        """Give a photo the styles of up to three paintings, mixed by weights, each everywhere or under a mask.

        Args:
            content: the photo
            style_1: the first painting
            weight_1: its weight, relative to those of the others
            mask_1: a picture in the photo's shape, white where the first painting applies, black elsewhere
            part_1: a picture in the painting's shape, white where the painting's style is taken from
            painted_1: the mask painted on the photo as a layer
            style_2: the second painting
            weight_2: its weight
            mask_2: its mask
            part_2: the part of it that is used
            painted_2: its painted mask
            style_3: the third painting
            weight_3: its weight
            mask_3: its mask
            part_3: the part of it that is used
            painted_3: its painted mask
            {strength}
            {size}
            {network}
            {keep_colors}
            {transform}

        Returns:
            the result, and the seconds it took
        """
        slots = ((style_1, weight_1, mask_1, part_1, painted_1), (style_2, weight_2, mask_2, part_2, painted_2),
                 (style_3, weight_3, mask_3, part_3, painted_3))
        with readable():
            made = self.web.mixed(content, slots, size, progress, network=network, strength=strength,
                              keep_colors=keep_colors, transform=transform)
            return saved(made), made.told

    @documented
    def texture(self, style, width=512, height=512, stroke=Options.stroke, seed=0, network=TEXTURE_NETWORK,
                progress=gr.Progress()):
        """Make a texture in the style of a painting, from noise, without a photo.

        Args:
            style: the painting
            width: of the texture, in pixels
            height: of the texture, in pixels
            {stroke}
            seed: another number makes another texture
            {network}

        Returns:
            the texture, and the seconds it took
        """
        with readable():
            made = self.web.textured(style, width, height, stroke, seed, network, progress)
            return saved(made), made.told

    def compare(self, content, style, backends, repeats=3, size=512, progress=gr.Progress()):
        """Run several backends on one pair of pictures, and compare their time, their accuracy and their pictures.

        Args:
            content: the photo
            style: the painting
            backends: which ways of computing the matrix square roots
            repeats: timed runs of each, after one to warm up; medians are shown
            size: longest side of the pictures in pixels

        Returns:
            the pictures, a table (milliseconds per stage, residual of the whitening, PSNR to the SVD's picture), the
            same for a plot, and as a CSV file
        """
        with readable():
            return self.many.compared(content, style, backends, repeats, size, progress)

    @no_tool  # Gradio's schema for lists of files is one that no client can use
    @documented
    def folder(self, contents, styles=None, paintings=None, strength=Options.strength, size=None,
               network=NETWORK.default, keep_colors=Options.keep_colors, mode=Options.mode, progress=gr.Progress()):
        """Give many photos the styles of many paintings, each photo in each style.

        Args:
            contents: the photos
            styles: picture files whose styles are taken
            paintings: names of paintings that come with the program, taken as well
            {strength}
            {size}
            {network}
            {keep_colors}
            {mode}

        Returns:
            after every picture: those that are finished, what failed and why, in the end a zip of them all, and a line
        """
        with readable():
            yield from self.many.pictures(contents, styles, paintings, size, progress, network=network,
                                          strength=strength, keep_colors=keep_colors, mode=mode)

    @documented
    def folder_of_urls(self, contents, styles="", paintings=None, strength=Options.strength, size=None,
                       network=NETWORK.default, keep_colors=Options.keep_colors, mode=Options.mode,
                       progress=gr.Progress()):
        """Give many photos the styles of many paintings, each photo in each style, where all are named by URLs.

        Args:
            contents: URLs of the photos, http:, https: or data:, one a line
            styles: URLs of picture files whose styles are taken, one a line
            paintings: names of paintings that come with the program, taken as well
            {strength}
            {size}
            {network}
            {keep_colors}
            {mode}

        Returns:
            a zip of the pictures, what failed and why, and how many were made
        """
        with readable():
            files = [[fetched(url) for url in (urls or "").split()] for urls in (contents, styles)]
        *_, (_, failures, archive, told) = self.folder(*files, paintings, strength, size, network, keep_colors, mode,
                                                       progress)
        return archive, "\n".join(row[0] for row in failures), told
