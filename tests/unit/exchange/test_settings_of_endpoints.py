"""What publisher.toml says of an endpoint arrives at the exchange, secrets from the environment."""

import pytest

from publisher import briefing
from publisher.errors import SettingsError
from publisher.settings import load

HEAD = """[portal]
name = "测试公示"
base_url = "https://gongshi.example.gov.cn/"
region_code = "320000"
profile = "jiangsu-2021"
[source]
kind = "folder"
path = "source"
[[endpoint]]
name = "gsxt"
"""


@pytest.fixture
def endpoint_of(tmp_path, monkeypatch):
    monkeypatch.setenv("A_SECRET", "canary-secret")

    def read(words):
        file = tmp_path / "publisher.toml"
        file.write_text(HEAD + words, "utf-8")
        return briefing.endpoints(load(file))[0]

    return read


def test_everything_that_may_be_said(endpoint_of, tmp_path):
    (tmp_path / "key.pem").write_bytes(b"PEM")
    found = endpoint_of(
        """kind = "api"
url = "https://h.example"
token_url = "https://t.example/token"
client_id = "js"
client_secret_env = "A_SECRET"
scope = "push"
client_cert = "ours.pem"
client_key = "ours.key"
ca_file = "ca.pem"
signing_key_file = "key.pem"
signing_key_id = "js-1"
records_per_second = 200
batches_per_minute = 30
retry_seconds = 600
failures_in_a_row = 5
answer_seconds = 90
keys_kept_hours = 720
"""
    )
    assert found.oauth.client_secret == "canary-secret"
    assert (found.oauth.token_url, found.oauth.scope) == ("https://t.example/token", "push")
    assert found.client_cert == (tmp_path / "ours.pem", tmp_path / "ours.key")
    assert (found.signing.pem, found.signing.key_id) == (b"PEM", "js-1")
    assert (found.records_per_second, found.batches_per_minute, found.answer_seconds) == (200, 30, 90)
    assert (found.retry.budget, found.retry.total, found.retry.in_a_row) == (600, 600, 5)
    assert found.keys_kept_hours == 720
    assert "canary-secret" not in repr(found)


def test_a_key_from_the_environment_and_a_certificate_alone(endpoint_of):
    found = endpoint_of(
        'kind = "api"\nurl = "https://h"\nclient_cert = "a"\nclient_key = "b"\nsigning_key_env = "A_SECRET"\n'
    )
    assert (found.token, found.oauth, found.signing.pem) == (None, None, b"canary-secret")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ('url = "https://h"', "token_env"),
        ('url = "https://h"\ntoken_env = "A_SECRET"\nclient_id = "x"', "stand together"),
        ('url = "https://h"\ntoken_env = "A_SECRET"\ntoken_url = "https://t"\nclient_id = "x"\n'
         'client_secret_env = "A_SECRET"', "not both"),
        ('url = "https://h"\ntoken_env = "A_SECRET"\nclient_cert = "x"', "stand together"),
        ('url = "https://h"\ntoken_env = "A_SECRET"\nsigning_key_env = "A_SECRET"\nsigning_key_file = "x"', "not both"),
        ('url = "https://h"\ntoken_env = "A_SECRET"\nsigning_key_file = "none.pem"', "cannot be read"),
        ('url = "https://h"\ntoken_env = "A_SECRET"\nbatches_per_minute = 0', "greater than 0"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said(endpoint_of, words, error):
    with pytest.raises(SettingsError, match=error):
        endpoint_of(f'kind = "api"\n{words}\n')
