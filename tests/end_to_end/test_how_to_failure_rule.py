"""The page about failure rules is true: a reader who follows its part about files sees what it says."""

import shlex
from pathlib import Path

import pytest

from tests.project.reference import code_blocks
from tests.running import ADMIN, Visitor, running_tower

PAGE = "../how-to/add-a-failure-rule.md"


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reader's file, written as the page says, in the folder where the reader stands."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "rules" / "warehouse.toml"
    file.parent.mkdir()
    (text,) = code_blocks(PAGE, "toml")
    file.write_text(text)
    return file


def test_a_rule_in_a_file_is_checked_put_in_force_and_changed_as_the_page_says(rules, tmp_path):
    curl, check, start = (shlex.split(line) for line in code_blocks(PAGE, "sh"))
    setting, *command = start
    assert command == ["controltower", "up", "--demo"]
    name, _, folder = setting.partition("=")

    with running_tower(tmp_path / "home", **{name.removeprefix("CONTROLTOWER_").lower(): folder}) as tower:
        assert [tower.command(*check[1:])] == code_blocks(PAGE, "text")
        tower.post("/api/v1/events", curl[-1].encode(), "application/cloudevents+json")
        visitor = Visitor(tower)
        visitor.use_setup_link(tower.setup_link, ADMIN)
        token = visitor.make_token("tests", "viewer")

        def said() -> dict[str, str]:
            (journey,) = tower.get("/api/v1/journeys", token)["journeys"]
            diagnosis: dict[str, str] = journey["failure"]["diagnosis"]
            return diagnosis

        assert (said()["class"], said()["rule"]) == ("downstream_delay", "zone-frozen")
        assert said()["owner"] == "Warehouse"
        listed = visitor.get("/failures/rules").text
        assert listed.index("From your files") < listed.index("zone-frozen") < listed.index("Built in")

        right = rules.read_text().replace("Warehouse", "Stock control")
        rules.write_text(right)
        assert said()["owner"] == "Stock control"

        rules.write_text(right.replace("downstream_delay", "odd"))
        assert said()["owner"] == "Stock control"
        assert "rules/warehouse.toml: line 3: rules[0].class" in visitor.get("/failures").text
