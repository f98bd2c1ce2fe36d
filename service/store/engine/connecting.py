"""Opens connections to PostgreSQL, of which none stays open that was given up."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def giving_up_closes() -> Iterator[None]:
    """Around the driver's connect: what it did not get in time is closed as the error comes out.

    psycopg keeps such a connection in the frames of its own error, which refer to each other: it ends only when Python
    collects them, and until then it takes one of the server's places, so that trying again ends at "too many clients".
    """
    try:
        yield
    except Exception as error:
        traceback.clear_frames(error.__traceback__)
        raise
