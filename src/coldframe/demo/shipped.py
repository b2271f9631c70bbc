"""Where the shipped data lies: Online Retail II (CC BY 4.0), with its attribution beside it.

Owns the paths. Never reads the files.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ShippedFiles:
    """The three files of the demonstration and who made them, in one folder."""

    folder: Path

    @property
    def events(self) -> Path:
        """user_id, item_id, timestamp (UTC), event_type, value (pounds): one row a purchase."""
        return self.folder / "events.parquet"

    @property
    def items(self) -> Path:
        """item_id, title, categories, price (pounds): one row a product."""
        return self.folder / "items.parquet"

    @property
    def users(self) -> Path:
        """user_id, country: one row a customer."""
        return self.folder / "users.parquet"

    @property
    def attribution(self) -> Path:
        """Authors, licence and changes."""
        return self.folder / "ATTRIBUTION.md"


SHIPPED = ShippedFiles(Path(__file__).parent / "data")
"""The files inside the installed package."""
