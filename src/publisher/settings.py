"""Every knob: its name, default and help. ``publisher.toml`` holds them; secrets come from the environment only."""

import difflib
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from publisher import shipped
from publisher.errors import SettingsError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Portal(_Section):
    """What the site is called and which rules it follows."""

    name: Annotated[str, Field(min_length=1, description="the site's name, on every page")]
    base_url: Annotated[str, Field(description="where the site is served from, with scheme; may have a path")]
    region_code: Annotated[str, Field(pattern=r"^\d{6}$", description="GB/T 2260 code; also the sender in pushes")]
    profile: Annotated[str, Field(description="a shipped profile, or a path to one")]
    demo: Annotated[bool, Field(description="true: 演示数据 on every page")] = False

    @field_validator("base_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise ValueError("write the whole address, such as https://gongshi.example.gov.cn")
        return value.rstrip("/")


class Paths(_Section):
    """Folders, relative to ``publisher.toml``."""

    content: Annotated[Path, Field(description="hand-written pages")] = Path("content")
    theme: Annotated[Path, Field(description="templates and static files; absent: those of the program")] = (
        shipped.THEME
    )
    output: Annotated[Path, Field(description="the built site")] = Path("output")
    var: Annotated[Path, Field(description="the ledger, locks and indexes; never published")] = Path("var")


class LedgerSection(_Section):
    """Where the ledger is."""

    url: Annotated[str, Field(description="SQLAlchemy address; relative SQLite paths are below publisher.toml")] = (
        "sqlite:///var/ledger.db"
    )

    @field_validator("url")
    @classmethod
    def _kept(cls, value: str) -> str:
        if value in ("sqlite://", "sqlite:///", "sqlite:///:memory:"):
            raise ValueError("a ledger in memory forgets everything; name a file, such as sqlite:///var/ledger.db")
        return value


class Log(_Section):
    """The key that signs the publication log; neither is set: ``log.key`` in the folder of the ledger, made once."""

    key_file: Annotated[Path | None, Field(description="an Ed25519 key in PEM; made when it is not there")] = None
    key_env: Annotated[str | None, Field(description="the environment variable that holds such a key instead")] = None

    @model_validator(mode="after")
    def _one(self) -> "Log":
        if self.key_file is not None and self.key_env is not None:
            raise ValueError("name key_file or key_env, not both")
        return self


class Source(_Section):
    """Where finalized records are pulled from."""

    kind: Annotated[Literal["folder", "api"], Field(description="folder or api")]
    path: Annotated[Path | None, Field(description="folder: where the files are")] = None
    url: Annotated[str | None, Field(description="api: the platform's address")] = None
    token_env: Annotated[str | None, Field(description="api: the environment variable that holds the token")] = None
    ca_file: Annotated[Path | None, Field(description="api: the platform's own certificate authority")] = None

    @model_validator(mode="after")
    def _complete(self) -> "Source":
        if self.kind == "folder" and self.path is None:
            raise ValueError('kind = "folder" needs path')
        if self.kind == "api" and (self.url is None or self.token_env is None):
            raise ValueError('kind = "api" needs url and token_env')
        return self


class Site(_Section):
    """How the built site is kept."""

    precompress: Annotated[
        tuple[Literal["gz", "br"], ...], Field(description="compressed siblings of pages and shards: gz, br or both")
    ] = ()
    keep_releases: Annotated[int, Field(ge=1, description="so many lists of what a release changed are kept")] = 30

    @field_validator("precompress")
    @classmethod
    def _once_each(cls, value: tuple[Literal["gz", "br"], ...]) -> tuple[Literal["gz", "br"], ...]:
        return tuple(sorted(set(value)))


class Endpoint(_Section):
    """A credit publicity system that is told what is public."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="its name in summaries and receipts")]
    kind: Annotated[Literal["api", "filedrop"], Field(description="api or filedrop")]
    url: Annotated[str | None, Field(description="api: its address")] = None
    token_env: Annotated[str | None, Field(description="api: the environment variable that holds the token")] = None
    ca_file: Annotated[Path | None, Field(description="api: its own certificate authority")] = None
    path: Annotated[Path | None, Field(description="filedrop: the folder both sides see")] = None
    mapping: Annotated[str, Field(description="a shipped mapping (gsxt, plain), or a path")] = "plain"
    batch_records: Annotated[int, Field(ge=1, le=10_000, description="most records in one batch")] = 500
    client_cert: Annotated[Path | None, Field(description="api: our certificate in PEM, for mutual TLS")] = None
    client_key: Annotated[Path | None, Field(description="api: the key of client_cert in PEM")] = None
    token_url: Annotated[str | None, Field(description="api: where OAuth 2.0 client credentials get a token")] = None
    client_id: Annotated[str | None, Field(description="api: who we are at token_url")] = None
    client_secret_env: Annotated[
        str | None, Field(description="api: the environment variable that holds the secret of client_id")
    ] = None
    scope: Annotated[str | None, Field(description="api: the scope asked for at token_url")] = None
    signing_key_file: Annotated[
        Path | None, Field(description="api: an Ed25519 or SM2 key in PEM that signs every request (RFC 9421)")
    ] = None
    signing_key_env: Annotated[
        str | None, Field(description="api: the environment variable that holds such a key instead")
    ] = None
    signing_key_id: Annotated[str, Field(description="api: the name the endpoint knows the key by")] = "publisher"
    records_per_second: Annotated[float | None, Field(gt=0, description="api: send no faster than this")] = None
    batches_per_minute: Annotated[float | None, Field(gt=0, description="api: send no faster than this")] = None
    retry_seconds: Annotated[float, Field(gt=0, description="api: seconds one push may lose to failures and waits")] = (
        300.0
    )
    failures_in_a_row: Annotated[int, Field(ge=1, description="api: so many, and it is left for this run")] = 8
    answer_seconds: Annotated[float, Field(gt=0, description="api: how long one answer may take")] = 60.0
    keys_kept_hours: Annotated[
        float, Field(gt=0, description="api: how long the endpoint surely knows an Idempotency-Key")
    ] = 24.0

    @model_validator(mode="after")
    def _complete(self) -> "Endpoint":
        oauth = (self.token_url, self.client_id, self.client_secret_env)
        if any(oauth) and not all(oauth):
            raise ValueError("token_url, client_id and client_secret_env stand together")
        if self.token_env is not None and any(oauth):
            raise ValueError("name token_env or token_url, not both")
        is_known = self.token_env is not None or any(oauth) or self.client_cert is not None
        if self.kind == "api" and (self.url is None or not is_known):
            raise ValueError('kind = "api" needs url and token_env (or token_url, or client_cert alone)')
        if self.kind == "filedrop" and self.path is None:
            raise ValueError('kind = "filedrop" needs path')
        if (self.client_cert is None) != (self.client_key is None):
            raise ValueError("client_cert and client_key stand together")
        if self.signing_key_file is not None and self.signing_key_env is not None:
            raise ValueError("name signing_key_file or signing_key_env, not both")
        return self


class Settings(_Section):
    """The whole of ``publisher.toml``, with every path made absolute."""

    portal: Portal
    paths: Paths = Paths()
    ledger: LedgerSection = LedgerSection()
    source: Source
    site: Site = Site()
    log: Log = Log()
    endpoint: tuple[Endpoint, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        names = [one.name for one in self.endpoint]
        if len(set(names)) != len(names):
            raise ValueError("two endpoints share a name")
        return self


def load(file: Path) -> Settings:
    """Return the settings in ``file``, their paths relative to its folder.

    Raises :class:`SettingsError` naming every key that is unknown (and the nearest known one), missing or wrong.
    """
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}; name the file with --config") from error
    except (ValueError, RecursionError) as error:  # of tomllib, too, for numbers and nesting past all measure
        raise SettingsError(f"{file} is not valid TOML: {error}") from error
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError("\n".join(f"{file}: {_sentence(one)}" for one in error.errors())) from None
    settings = _absolute(settings, file.resolve().parent)
    _keep_unpublished(settings)
    return settings


def _keep_unpublished(settings: Settings) -> None:
    """Raise :class:`SettingsError` when what must never be served lies in the folder that is."""
    url = settings.ledger.url
    private = {
        "[paths] var": settings.paths.var,
        "[ledger] url": Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:////") else None,
        "[source] path": settings.source.path,
    }
    output = settings.paths.output.resolve()
    for name, path in private.items():
        if path is not None and path.resolve().is_relative_to(output):
            raise SettingsError(f"{name} lies in [paths] output, which is published; set another folder")


def secret(variable: str) -> str:
    """Return a secret from the environment.

    Raises :class:`SettingsError` naming the variable when it is not set.
    """
    value = os.environ.get(variable, "")
    if not value:
        raise SettingsError(f"the environment variable {variable} is not set; it must hold the token")
    return value


def _absolute(settings: Settings, folder: Path) -> Settings:
    def below(path: Path | None) -> Path | None:
        return None if path is None else folder / path

    paths = settings.paths
    url = settings.ledger.url
    prefix = "sqlite:///"
    if url.startswith(prefix) and not url.startswith(prefix + "/") and url != prefix + ":memory:":
        url = f"{prefix}{folder / url.removeprefix(prefix)}"
    profile = settings.portal.profile
    source = settings.source.model_copy(
        update={"path": below(settings.source.path), "ca_file": below(settings.source.ca_file)}
    )
    endpoints = tuple(
        one.model_copy(
            update={
                "path": below(one.path),
                "ca_file": below(one.ca_file),
                "client_cert": below(one.client_cert),
                "client_key": below(one.client_key),
                "signing_key_file": below(one.signing_key_file),
                "mapping": str(folder / one.mapping) if one.mapping.endswith(".toml") else one.mapping,
            }
        )
        for one in settings.endpoint
    )
    return Settings(
        portal=settings.portal.model_copy(
            update={"profile": str(folder / profile) if profile.endswith(".toml") else profile}
        ),
        paths=Paths(
            content=folder / paths.content,
            theme=folder / paths.theme,
            output=folder / paths.output,
            var=folder / paths.var,
        ),
        ledger=LedgerSection(url=url),
        source=source,
        site=settings.site,
        log=settings.log.model_copy(update={"key_file": below(settings.log.key_file)}),
        endpoint=endpoints,
    )


_SECTIONS: dict[str, type[_Section]] = {
    "portal": Portal,
    "paths": Paths,
    "ledger": LedgerSection,
    "source": Source,
    "site": Site,
    "log": Log,
    "endpoint": Endpoint,
}


def _sentence(error: Any) -> str:
    where = [str(part) for part in error["loc"]]
    key = ".".join(where)
    if error["type"] == "extra_forbidden":
        section = _SECTIONS.get(where[0], Settings) if len(where) > 1 else Settings
        near = difflib.get_close_matches(where[-1], list(section.model_fields), n=1, cutoff=0.4)
        return f"unknown key {key}" + (f"; did you mean {near[0]}?" if near else "")
    if error["type"] == "missing":
        return f"{key} is missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{key or 'the file'}: {message}"
