"""Where the events of a search are: a file in its folder, or a database that searches share."""

from dataclasses import dataclass
from pathlib import Path

from tune_noise.errors import UserError
from tune_noise.record.folder import RECORD_FILE, URL_FILE
from tune_noise.record.url import address, parse, shown, without_password
from tune_noise.system.files import replace_file

_SQLITE = "sqlite:///"


@dataclass(frozen=True, repr=False)
class RecordPlace:
    """Where the events of one search are.

    Attributes:
        url: SQLAlchemy URL of the database; may hold a password.
        search: which of the database's searches; the name of its folder when it began. Empty for a
            file that holds no other search.
    """

    url: str
    search: str

    @classmethod
    def of_folder(cls, folder: Path, url: str | None = None) -> "RecordPlace":
        """Return the place of the search in a folder.

        Args:
            folder: `OUTPUT/NAME`.
            url: of a database; None for what the folder says, or else its own file.

        Raises:
            UserError: the URL is not one, or the folder says that its record is elsewhere.
        """
        remembered = _remembered(folder)
        if url is None or not url.strip():
            return remembered or cls.of_file(folder / RECORD_FILE)
        place = cls.of_url(url.strip(), folder.resolve().name)
        if place._is_own_file(folder):
            return cls.of_file(folder / RECORD_FILE)
        if (folder / RECORD_FILE).exists():
            raise _elsewhere(folder, f"in its own file, {RECORD_FILE}", place)
        if remembered is not None and remembered._address() != place._address():
            raise _elsewhere(folder, f"in {remembered.shown}, as its {URL_FILE} says", place)
        return cls(place.url, remembered.search) if remembered else place

    @classmethod
    def of_url(cls, url: str, search: str) -> "RecordPlace":
        """Return the place of one search in a PostgreSQL database, or in a SQLite file of several.

        Raises:
            UserError: the URL is not one.
        """
        if not url.lower().startswith("sqlite:"):
            return cls(parse(url).render_as_string(hide_password=False), search)
        path = url[len(_SQLITE) :]
        if not url.lower().startswith(_SQLITE) or not path:
            raise UserError("--record: the URL names no file: write sqlite:////ABSOLUTE/FILE.db")
        return cls(f"{_SQLITE}{Path(path).absolute()}", search)

    @classmethod
    def of_file(cls, path: Path) -> "RecordPlace":
        """Return a record in a SQLite file of its own."""
        return cls(f"{_SQLITE}{path}", "")

    @property
    def path(self) -> Path | None:
        """The file; None for a database on a server."""
        return Path(self.url.removeprefix(_SQLITE)) if self.url.startswith(_SQLITE) else None

    @property
    def shown(self) -> str:
        """The place for messages, without user and password."""
        where = shown(parse(self.url)) if self.path is None else str(self.path)
        return f"{where} (search {self.search!r})" if self.search else where

    def remember(self, folder: Path) -> None:
        """Write into the search's folder where its record is, unless it is the folder's own file.

        The password is left out: set PGPASSWORD or use ~/.pgpass, or give the URL each time.
        """
        if self._is_own_file(folder):
            return
        url = self.url
        if self.path is None:
            url = without_password(parse(url)).render_as_string(hide_password=False)
        replace_file(folder / URL_FILE, f"{url}\n{self.search}\n".encode())

    def _is_own_file(self, folder: Path) -> bool:
        return self.path is not None and self.path.absolute() == (folder / RECORD_FILE).absolute()

    def _address(self) -> object:
        return self.path or address(parse(self.url))

    def __repr__(self) -> str:
        # Without the password.
        return f"RecordPlace({self.shown})"


def _remembered(folder: Path) -> RecordPlace | None:
    """Return the place that `remember` wrote into a folder."""
    path = folder / URL_FILE
    if not path.is_file():
        return None
    try:
        url, search = path.read_text("utf-8").splitlines()
        return RecordPlace.of_url(url, search)
    except (OSError, ValueError, UserError):
        raise UserError(
            f"{path} does not say where the record is: its first line is the URL of a database, "
            "its second the search's name there"
        ) from None


def _elsewhere(folder: Path, where: str, asked: RecordPlace) -> UserError:
    return UserError(
        f"--record: the record of {folder} is {where}, not at {asked.shown}: leave --record out "
        "and TUNE_NOISE_RECORD unset, or choose another --name"
    )
