"""``publisher.toml``: what it may say, what it is told when it says something else, and where its paths lead."""

import os
from pathlib import Path

import pytest

from publisher.errors import SettingsError
from publisher.settings import load, secret

PORTAL = """[portal]
name = "测试公示"
base_url = "https://gongshi.example.gov.cn/"
region_code = "320000"
profile = "jiangsu-2021"
"""
SOURCE = '[source]\nkind = "folder"\npath = "source"\n'


@pytest.fixture
def written(tmp_path):
    def write(words):
        file = tmp_path / "publisher.toml"
        file.write_text(words, "utf-8")
        return file

    return write


def refusal(file):
    with pytest.raises(SettingsError) as caught:
        load(file)
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_the_shortest_file_is_enough(written, tmp_path):
    found = load(written(PORTAL + SOURCE))
    assert found.portal.demo is False
    assert found.endpoint == ()
    assert found.portal.base_url == "https://gongshi.example.gov.cn"
    assert found.ledger.url == f"sqlite:///{tmp_path}/var/ledger.db"


def test_paths_are_below_the_file_wherever_one_stands(written, tmp_path, monkeypatch):
    endpoint = '[[endpoint]]\nname = "drop"\nkind = "filedrop"\npath = "drop"\nmapping = "maps/own.toml"\n'
    profile = PORTAL.replace("jiangsu-2021", "rules/own.toml")
    file = written(profile + SOURCE + endpoint + '[paths]\ntheme = "../theme"\n')
    monkeypatch.chdir(tmp_path.parent)
    found = load(Path(tmp_path.name) / "publisher.toml")
    assert found == load(file)
    assert found.source.path == tmp_path / "source"
    assert found.paths.theme.resolve() == tmp_path.parent / "theme"
    assert found.portal.profile == str(tmp_path / "rules/own.toml")
    assert (found.endpoint[0].path, found.endpoint[0].mapping) == (tmp_path / "drop", str(tmp_path / "maps/own.toml"))


def test_absolute_paths_and_other_databases_stay_as_they_are(written, tmp_path):
    place = tmp_path.parent / "elsewhere"
    words = f'[paths]\nvar = "{place}"\n[ledger]\nurl = "%s"\n'
    found = load(written(PORTAL + SOURCE + words % f"sqlite:///{place}/ledger.db"))
    assert (found.paths.var, found.ledger.url) == (place, f"sqlite:///{place}/ledger.db")
    found = load(written(PORTAL + SOURCE + words % "postgresql://db/publisher"))
    assert found.ledger.url == "postgresql://db/publisher"


@pytest.mark.parametrize(
    ("words", "key", "near"),
    [
        ("[portl]\nx = 1\n", "portl", "portal"),
        ('[paths]\noutptu = "x"\n', "paths.outptu", "output"),
        ('[ledger]\nurls = "x"\n', "ledger.urls", "url"),
        ('[[endpoint]]\nname = "a"\nkind = "filedrop"\npath = "x"\nmaping = "x"\n', "endpoint.0.maping", "mapping"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(written, words, key, near):
    said = refusal(written(PORTAL + SOURCE + words))
    assert f"unknown key {key}; did you mean {near}?" in said
    assert "publisher.toml" in said


def test_an_unknown_key_like_no_other_is_named_alone(written):
    said = refusal(written(PORTAL + "zzz = 1\n" + SOURCE))
    assert "unknown key portal.zzz" in said
    assert "did you mean" not in said


def test_everything_wrong_is_said_at_once(written):
    said = refusal(written('[portal]\nname = ""\nregion_code = "32"\n' + SOURCE))
    for key in ("portal.base_url is missing", "portal.profile is missing", "portal.name", "portal.region_code"):
        assert key in said


def test_a_secret_put_into_the_file_is_not_repeated(written):
    source = '[source]\nkind = "api"\nurl = "https://x.example"\ntoken = "s3cr3t-value"\n'
    said = refusal(written(PORTAL + source))
    assert "unknown key source.token; did you mean token_env?" in said
    assert "s3cr3t" not in said


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('kind = "folder"', 'kind = "folder" needs path'),
        ('kind = "api"\nurl = "https://x.example"', "needs url and token_env"),
        ('kind = "ftp"', "source.kind"),
        ("", "source.kind is missing"),
    ],
)
def test_a_source_needs_what_its_kind_needs(written, source, said):
    assert said in refusal(written(PORTAL + f"[source]\n{source}\n"))


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ('name = "a"\nkind = "api"\nurl = "https://x.example"', "needs url and token_env"),
        ('name = "a"\nkind = "filedrop"', 'kind = "filedrop" needs path'),
        ('name = "A b"\nkind = "filedrop"\npath = "x"', "endpoint.0.name"),
        ('name = "a"\nkind = "filedrop"\npath = "x"\nbatch_records = 0', "endpoint.0.batch_records"),
        ('name = "a"\nkind = "filedrop"\npath = "x"\n[[endpoint]]\nname = "a"\nkind = "filedrop"\npath = "y"', "share"),
    ],
)
def test_an_endpoint_needs_a_name_of_its_own_and_what_its_kind_needs(written, endpoint, said):
    assert said in refusal(written(PORTAL + SOURCE + f"[[endpoint]]\n{endpoint}\n"))


@pytest.mark.parametrize("address", ["gongshi.example.gov.cn", "ftp://x.example", "https://", "https://x.example/?a=b"])
def test_base_url_is_a_whole_address(written, address):
    assert "write the whole address" in refusal(
        written(PORTAL.replace("https://gongshi.example.gov.cn/", address) + SOURCE)
    )


@pytest.mark.parametrize(
    "words",
    [
        '[paths]\nvar = "output/var"\n',
        '[paths]\nvar = "output"\n',
        '[paths]\noutput = "."\n',
        '[paths]\noutput = "site"\nvar = "x/../site/var"\n',
        '[ledger]\nurl = "sqlite:///output/ledger.db"\n',
        '[paths]\noutput = "source"\n',
    ],
)
def test_nothing_private_lies_in_the_folder_that_is_published(written, words):
    assert "lies in [paths] output, which is published" in refusal(written(PORTAL + SOURCE + words))


@pytest.mark.parametrize("words", ["[portal", "a = 1\na = 2\n", "\ufeff[portal]"])
def test_what_is_no_toml_is_said_to_be_none(written, words):
    assert "is not valid TOML" in refusal(written(words))


def test_what_is_no_utf8_is_said_to_be_none(tmp_path):
    (tmp_path / "publisher.toml").write_bytes("[portal]\nname = '公示'".encode("gb18030"))
    assert "is not valid TOML" in refusal(tmp_path / "publisher.toml")


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert "absent.toml: No such file or directory; name the file with --config" in refusal(tmp_path / "absent.toml")


def test_secrets_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("PUBLISHER_TEST_TOKEN", "abc")
    assert secret("PUBLISHER_TEST_TOKEN") == "abc"
    for change in (
        lambda: monkeypatch.setenv("PUBLISHER_TEST_TOKEN", ""),
        lambda: os.environ.pop("PUBLISHER_TEST_TOKEN"),
    ):
        change()
        with pytest.raises(SettingsError, match="PUBLISHER_TEST_TOKEN is not set"):
            secret("PUBLISHER_TEST_TOKEN")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_ledger_that_would_forget_everything_is_refused(portal_dir, url):
    portal_dir.config.write_text(portal_dir.config.read_text("utf-8").replace("sqlite:///var/ledger.db", url), "utf-8")
    assert "a ledger in memory forgets everything" in refusal(portal_dir.config)
