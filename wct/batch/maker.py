"""What runs in a worker of a cluster: `work`, with a Stylizer of its own."""

import os
from contextlib import suppress

from wct.batch.record import fingerprint
from wct.batch.store import record_of
from wct.batch.work import work
from wct.runtime.files import remove_dead_parts
from wct.runtime.places import Url
from wct.runtime.process import prepare


def pretrained(networks, mode, **options):
    """A function for a Maker: `Stylizer.from_pretrained`, of networks with that fingerprint for a mode."""
    def load():
        from wct.pipeline.stylizer import Stylizer

        stylizer = Stylizer.from_pretrained(**options)
        if fingerprint(stylizer.networks(mode)) != networks:
            raise ValueError("this machine has other networks, of another version; install the same one everywhere")
        return stylizer

    return load


class Maker:
    """An actor that makes pictures.

    load: gives the Stylizer. folder: where relative paths begin. output, recipe, overwrite: of the Record. options: of
    `work`, but for what a Maker has itself.
    """

    def __init__(self, load, folder, output, recipe, overwrite, options):
        self._stopped, self._error, self._options = False, None, options
        prepare()
        if isinstance(output, Url):
            remove_dead_parts(output)  # of workers of this machine that died
        with suppress(OSError):  # where it is not shared, the paths will tell
            os.chdir(folder)
        try:
            self._stylizer, self._record = load(), record_of(output, recipe, overwrite, known=False)
        except Exception as error:  # whatever it is, ready() tells
            self._error = " ".join(str(error).split()) or type(error).__name__

    def ready(self):
        """(the machine's name among Ray's, what is wrong or None)."""
        import ray

        return ray.get_runtime_context().get_node_id(), self._error

    def make(self, jobs, begun):
        """The rows of (content, style, path, masks), until `stop`."""
        masks = {content: own for content, *_, own in jobs if own}
        todo = (job for *job, _ in jobs if not self._stopped)
        yield from work(self._stylizer, todo, record=self._record, masks_of=masks.get if masks else None, begun=begun,
                        **self._options)

    def stop(self):
        """Finish what is in hand, and no more."""
        self._stopped = True
