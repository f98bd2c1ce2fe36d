"""What the server says of this station itself, for the pages of its central control: title and time zone."""

from __future__ import annotations

from service.admin.admin import Admin
from service.books.books import Books
from service.station.overview.book_views import station_title
from service.store.database import telling_faults
from service.store.zones import zone_of
from wire.offline import OfflineList
from wire.spelling.zones import is_zone


def learn(books: Books, listed: OfflineList | None) -> bool:
    """Keep what its list says; whether that was something else. Raises ServiceError.

    A server of before says no title, and a zone that this machine does not know is nobody's.
    """
    if listed is None:
        return False
    title, zone = listed.title, listed.zone if listed.zone is not None and is_zone(listed.zone) else None
    with telling_faults(), books.database.reading() as connection:
        known = zone_of(connection, listed.station)
    is_known = title in (None, station_title(books.database, listed.station))
    if is_known and (zone is None or known is None or zone == known.key):
        return False
    Admin(books, "station").stations.set(listed.station, title=title, zone=zone)
    return True
