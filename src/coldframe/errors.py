"""Everything that can go wrong, by name.

    ColdframeError                  code, message, remedy
    ├── SettingsError               settings         a setting is unknown, out of bounds or of the wrong type
    ├── InputError                  input            what the caller gave cannot be used
    │   ├── ColumnError             column           a file lacks a column or has one nobody knows
    │   ├── UnknownIdError          unknown_id       no such item, user, bundle or expert
    │   ├── ConflictError           conflict         it contradicts what is stored
    │   └── ExpiredError            expired          it was good once; begin again
    ├── StoreError                  store            the store cannot be opened, read or written
    │   └── StoreBusyError          busy             somebody else holds the store, or its queue is full; retry
    ├── BundleError                 bundle           a bundle is missing, corrupted, truncated or foreign
    ├── DataError                   data             the data cannot be learned from
    ├── BudgetError                 budget           a training cannot end within its time budget
    └── AccessError                 access           the caller may not do this

Every error says what happened, to which thing, and what to do next (`remedy`). The code names the kind in
HTTP answers and `--json`; `exit_code` is what the command line ends with (docs/cli.md lists them).
"""

from typing import ClassVar


class ColdframeError(Exception):
    """Base of every error raised on purpose."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class SettingsError(ColdframeError):
    """A setting is unknown, out of bounds or of the wrong type."""

    code = "settings"
    exit_code = 3


class InputError(ColdframeError):
    """What the caller gave cannot be used."""

    code = "input"
    exit_code = 4
    http_status = 400


class ColumnError(InputError):
    """A file lacks a column that is needed, or has one that is unknown."""

    code = "column"


class UnknownIdError(InputError):
    """No such item, user, bundle or expert."""

    code = "unknown_id"
    http_status = 404


class ConflictError(InputError):
    """It contradicts what is stored."""

    code = "conflict"
    http_status = 409


class ExpiredError(InputError):
    """It was good once; begin again."""

    code = "expired"
    http_status = 410


class StoreError(ColdframeError):
    """The store cannot be opened, read or written."""

    code = "store"
    exit_code = 5
    http_status = 503


class StoreBusyError(StoreError):
    """Somebody else holds the store, or its queue is full: retry."""

    code = "busy"


class BundleError(ColdframeError):
    """A bundle is missing, corrupted, truncated or foreign."""

    code = "bundle"
    exit_code = 6
    http_status = 503


class DataError(ColdframeError):
    """The data cannot be learned from."""

    code = "data"
    exit_code = 7


class BudgetError(ColdframeError):
    """A training cannot end within its time budget."""

    code = "budget"
    exit_code = 9


class AccessError(ColdframeError):
    """The caller may not do this."""

    code = "access"
    exit_code = 8
    http_status = 401
