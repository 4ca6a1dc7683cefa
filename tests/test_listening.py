"""Who may post facts where: on loopback everybody, from elsewhere only holders of a token."""

import pytest
from click.testing import CliRunner

from controltower.cli import commands
from controltower.domain.errors import BadSetting
from controltower.settings import OPEN, TOKEN, Address, Settings
from controltower.wiring import Roles, _authorize, _check_exposure, opened_tower, run

PUBLIC = Address("0.0.0.0", 18080)


def settings(tmp_path, **rest) -> Settings:
    return Settings(home=tmp_path, **rest)


@pytest.mark.parametrize("listener", ["http", "otlp_http", "otlp_grpc"])
def test_the_tower_refuses_other_addresses_while_there_is_no_token(tmp_path, listener):
    said: list[str] = []

    with pytest.raises(BadSetting) as refusal:
        run(settings(tmp_path, **{listener: PUBLIC}), Roles(), say=said.append, demo=None)

    assert str(PUBLIC) in str(refusal.value)
    assert "token create" in str(refusal.value) and OPEN in str(refusal.value)
    assert said == []


def test_a_listener_that_a_process_does_not_open_is_not_asked_about(tmp_path):
    with opened_tower(settings(tmp_path, otlp_grpc=PUBLIC)) as tower:
        _check_exposure(tower, Roles(collect=False))


@pytest.mark.parametrize("role", ["ingest", "operator"])
def test_a_token_that_may_post_opens_other_addresses(tmp_path, monkeypatch, role):

    monkeypatch.setenv("CONTROLTOWER_HOME", str(tmp_path))
    made = CliRunner().invoke(commands, ["token", "create", "--role", role, "--name", "shop"])
    assert made.exit_code == 0, made.output
    assert made.output.splitlines()[-1].startswith("ct_")

    with opened_tower(settings(tmp_path, http=PUBLIC)) as tower:
        _check_exposure(tower, Roles())


def test_plain_words_open_the_tower_to_everyone(tmp_path):
    with opened_tower(settings(tmp_path, http=PUBLIC, ingest_access=OPEN)) as tower:
        _check_exposure(tower, Roles())
        _authorize(tower, PUBLIC)({})


def test_tokens_can_be_asked_for_on_loopback_too(tmp_path):
    with opened_tower(settings(tmp_path, ingest_access=TOKEN)) as tower:
        check = _authorize(tower, Settings().http)
        with pytest.raises(Exception, match="ingest token"):
            check({})
