"""The databases of the service's tests, for the fault tests too."""

from tests.service.conftest import (
    cluster,
    database_url,
    migrated_file,
    migrated_template,
    nothing_stays_connected,
    sqlite_url,
)

__all__ = ["cluster", "database_url", "migrated_file", "migrated_template", "nothing_stays_connected", "sqlite_url"]
