"""What each stage is told: settings and rules in the stage's own words, with the secrets from the environment."""

from datetime import date
from typing import Any

from publisher import exchange, log, rules, site, source
from publisher.errors import SettingsError
from publisher.settings import Endpoint as EndpointSettings
from publisher.settings import Settings, secret


def source_of(settings: Settings) -> source.FolderSource | source.ApiSource:
    """Return where records come from, with the token from the environment."""
    asked = settings.source
    if asked.kind == "folder":
        assert asked.path is not None
        return source.FolderSource(asked.path)
    assert asked.url is not None
    assert asked.token_env is not None
    return source.ApiSource(asked.url, secret(asked.token_env), asked.token_env, asked.ca_file)


def job(settings: Settings, profile: rules.Profile, day: date) -> site.Job:
    """Return what the builder is told: where things are, and the words of the profile."""
    latest = profile.latest
    return site.Job(
        ledger_url=settings.ledger.url,
        output=settings.paths.output,
        theme=settings.paths.theme,
        content=settings.paths.content,
        compiled=settings.paths.var / "templates",
        name=settings.portal.name,
        base_url=settings.portal.base_url,
        region_code=settings.portal.region_code,
        demo=settings.portal.demo,
        day=day.isoformat(),
        profile_title=profile.title,
        outcomes=tuple(
            site.OutcomeWords(id=name, label=one.label, tone=one.tone, explanation=one.explanation)
            for name, one in latest.outcomes.items()
        ),
        rule_labels={name: rule.sentence for name, rule in latest.rules.items()},
        rule_bases={name: rule.basis for name, rule in latest.rules.items()},
        log_key=log_key(settings),
        vkey=log.load_key(log_key(settings), settings.portal.base_url).verifier.vkey,
        precompress=settings.site.precompress,
        values=tuple(
            site.RuleValue(
                key=one.key,
                value=_in_words(one.value),
                basis=one.basis,
                certainty=one.certainty,
                effective_on=one.effective_on.isoformat(),
            )
            for one in profile.values()
        ),
    )


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    return "、".join(str(one) for one in value) if isinstance(value, list) else str(value)


def outcome_labels(profile: rules.Profile) -> dict[str, str]:
    """Return the words of each outcome by its id."""
    return {name: one.label for name, one in profile.latest.outcomes.items()}


def releases(settings: Settings) -> site.Releases:
    """Return where the lists of what each release changed are."""
    return site.Releases(settings.paths.var / "releases", settings.site.keep_releases, settings.portal.base_url)


def log_key(settings: Settings) -> log.Key:
    """Return where the key of the publication log is."""
    return log.Key(settings.log.key_file or settings.paths.var / "log.key", settings.log.key_env)


def endpoints(settings: Settings) -> list[exchange.Endpoint]:
    """Return the endpoints as the exchange takes them, with their secrets from the environment and key files."""
    return [
        exchange.Endpoint(
            name=one.name,
            kind=one.kind,
            url=one.url,
            token=secret(one.token_env) if one.token_env else None,
            token_env=one.token_env,
            path=one.path,
            mapping=one.mapping,
            ca_file=one.ca_file,
            batch_records=one.batch_records,
            client_cert=(one.client_cert, one.client_key) if one.client_cert and one.client_key else None,
            oauth=_oauth(one),
            signing=_signing_key(one),
            records_per_second=one.records_per_second,
            batches_per_minute=one.batches_per_minute,
            retry_seconds=one.retry_seconds,
            failures_in_a_row=one.failures_in_a_row,
            answer_seconds=one.answer_seconds,
            keys_kept_hours=one.keys_kept_hours,
        )
        for one in settings.endpoint
    ]


def _oauth(one: EndpointSettings) -> exchange.OAuth | None:
    if not (one.token_url and one.client_id and one.client_secret_env):
        return None
    return exchange.OAuth(one.token_url, one.client_id, secret(one.client_secret_env), one.client_secret_env, one.scope)


def _signing_key(one: EndpointSettings) -> exchange.SigningKey | None:
    if one.signing_key_env is not None:
        return exchange.SigningKey(secret(one.signing_key_env).encode(), one.signing_key_id)
    if one.signing_key_file is None:
        return None
    try:
        return exchange.SigningKey(one.signing_key_file.read_bytes(), one.signing_key_id)
    except OSError as error:
        raise SettingsError(f"signing_key_file {one.signing_key_file} cannot be read: {error.strerror}") from error
