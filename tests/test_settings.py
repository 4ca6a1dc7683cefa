"""Settings: where they come from, and what a person is told about a wrong one."""

from pathlib import Path

import pytest

from controltower.domain.errors import BadSetting
from controltower.settings import AUTO, OPEN, TOKEN, Address, Settings, load_settings


def load(**environment: str) -> Settings:
    return load_settings({f"CONTROLTOWER_{name.upper()}": value for name, value in environment.items()})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "controltower.toml"


def test_nothing_needs_to_be_set():
    assert load() == Settings()
    assert load().store_url == "sqlite:///var/controltower.db"


def test_other_variables_are_not_ours():
    assert load_settings({"HTTP": "0.0.0.0:80", "HOME": "elsewhere"}) == Settings()


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(file: Path):
    file.write_text('http = "127.0.0.1:9000"\nmax_body_mib = 5\n')
    settings = load(config=str(file), http="127.0.0.1:9001")
    assert settings.http == Address("127.0.0.1", 9001)
    assert settings.max_body_mib == 5
    assert settings.otlp_http == Settings().otlp_http


def test_a_database_elsewhere_is_used_instead_of_the_embedded_one():
    assert load(database_url="postgresql+psycopg://db/tower").store_url == "postgresql+psycopg://db/tower"
    assert load(home="elsewhere").store_url == "sqlite:///elsewhere/controltower.db"
    assert load(home="elsewhere", database_url="").store_url == "sqlite:///elsewhere/controltower.db"


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
        ("0.0.0.0:0", Address("0.0.0.0", 0)),
        ("localhost:1", Address("localhost", 1)),
        ("[::1]:8080", Address("::1", 8080)),
    ],
)
def test_addresses(value: str, address: Address):
    settings = load(http=value)
    assert settings.http == address
    assert str(settings.http) == value
    assert settings.listeners[0] == address


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("tower.example.com", False),
        ("localhost.example.com", False),
    ],
)
def test_whether_other_machines_can_reach_an_address(host: str, is_loopback: bool):
    assert Address(host, 80).is_loopback is is_loopback


@pytest.mark.parametrize("access", [AUTO, TOKEN, OPEN])
def test_access(access: str):
    assert load(ingest_access=access).ingest_access == access


@pytest.mark.parametrize("word", ["1", "true", "Yes", "ON"])
def test_yes(word: str):
    assert load(secure_cookies=word).secure_cookies is True


@pytest.mark.parametrize("word", ["0", "false", "No", "off", ""])
def test_no(word: str):
    assert load(secure_cookies=word).secure_cookies is False


def test_lists_and_tables_are_written_with_commas_or_as_toml(file: Path):
    by_commas = load(allowed_hosts="a.example, b.example,", link_attributes="rma.id=rma, po=purchase_order")
    file.write_text(
        'allowed_hosts = ["a.example", "b.example"]\n'
        '[link_attributes]\n"rma.id" = "rma"\npo = "purchase_order"\n'
    )
    assert load(config=str(file)) == by_commas
    assert by_commas.allowed_hosts == ("a.example", "b.example")
    assert by_commas.link_attributes == {"rma.id": "rma", "po": "purchase_order"}


def test_numbers():
    assert load(max_body_mib="1").max_body_mib == 1
    assert load(proxies="0").proxies == 0


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("http", "8080", "an address such as 127.0.0.1:8080"),
        ("http", ":8080", "an address"),
        ("http", "127.0.0.1:", "an address"),
        ("http", "127.0.0.1:http", "an address"),
        ("http", "127.0.0.1:65536", "an address"),
        ("http", "127.0.0.1:\N{SUPERSCRIPT TWO}", "an address"),
        ("otlp_http", "", "an address"),
        ("otlp_grpc", "x", "an address"),
        ("ingest_access", "open", "one of auto, token, open-to-everyone"),
        ("secure_cookies", "maybe", "yes or no"),
        ("max_body_mib", "0", "a whole number of 1 or more"),
        ("max_body_mib", "many", "a whole number of 1 or more"),
        ("proxies", "-1", "a whole number of 0 or more"),
        ("link_attributes", "rma.id", "attribute=kind pairs"),
        ("link_attributes", "=rma", "attribute=kind pairs"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_was_expected(name: str, value: str, expected: str):
    with pytest.raises(BadSetting) as refused:
        load(**{name: value})
    message = str(refused.value)
    assert message.startswith(f"CONTROLTOWER_{name.upper()}: expected {expected}")
    assert repr(value) in message


def test_a_key_of_the_file_that_does_not_exist_is_refused(file: Path):
    file.write_text('htpp = "127.0.0.1:9000"\n')
    with pytest.raises(BadSetting, match="there is no setting 'htpp'"):
        load(config=str(file))


def test_a_file_that_is_not_there_or_no_toml_is_refused(file: Path):
    with pytest.raises(BadSetting, match="CONTROLTOWER_CONFIG: cannot read"):
        load(config=str(file))
    file.write_text("http =")
    with pytest.raises(BadSetting, match="not valid TOML"):
        load(config=str(file))


def test_secrets_of_hooks_are_a_table_or_json_and_are_not_shown(file: Path):
    file.write_text('[hook_secrets]\nshopify = "from-the-file"\nstripe = ["one-of-two", "two-of-two"]')
    secrets = load_settings({"CONTROLTOWER_CONFIG": str(file)}).hook_secrets
    assert secrets == {"shopify": "from-the-file", "stripe": ["one-of-two", "two-of-two"]}
    settings = load_settings({"CONTROLTOWER_HOOK_SECRETS": '{"shopify": "from-the-environment"}'})
    assert settings.hook_secrets == {"shopify": "from-the-environment"}
    assert "from-the-environment" not in repr(settings)


@pytest.mark.parametrize("value", ['{"shopify": "a-secret"', '["a-secret"]', '"a-secret"'])
def test_secrets_that_are_no_table_are_refused_without_being_shown(value: str):
    with pytest.raises(BadSetting, match="CONTROLTOWER_HOOK_SECRETS") as caught:
        load_settings({"CONTROLTOWER_HOOK_SECRETS": value})
    assert "a-secret" not in str(caught.value)
