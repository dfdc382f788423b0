"""Files written: the whole file or none."""

import os
import uuid


def write_whole(path, write):
    """Call write with a binary file that becomes path once it is whole; until then, what was there stays.

    Raises OSError, its message one sentence, where that fails.
    """
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        try:
            with open(part, "xb") as file:
                write(file)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OSError(
            f"{path} cannot be written ({reason}); check its folder, its permissions and the space left"
        ) from error
