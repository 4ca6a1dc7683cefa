"""docs/reference/replay-policies.md explains every key, and its example works."""

import tomllib

from controltower.domain.failure_rules import CLASS_WORDS
from controltower.domain.replay_policies import _KEYS, parse_policies
from controltower.services.replay.policies import REST
from tests.project.reference import code_blocks, names_in, text_of

PAGE = "replay-policies.md"


def test_every_key_is_explained_and_used_in_the_example():
    explained = {line.split("`")[1] for line in text_of(PAGE).splitlines() if line.startswith("| `")}
    (example,) = code_blocks(PAGE, "toml")
    assert explained == _KEYS == tomllib.loads(example)["policies"][0].keys()


def test_the_example_is_valid():
    (example,) = code_blocks(PAGE, "toml")
    (policy,) = parse_policies(example, "example.toml")
    said = policy.max_attempts, policy.connection, str(policy.hours)
    assert said == (2, "bus", "08:00-20:00 Europe/Berlin")


def test_every_class_is_named():
    assert CLASS_WORDS.keys() <= names_in(text_of(PAGE))


def test_the_rest_after_a_halt_is_as_long_as_the_page_says():
    assert f"rests for {REST.total_seconds() / 60:.0f} minutes" in text_of(PAGE)
