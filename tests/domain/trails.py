"""Building trails: a test names activities or systems and minutes, and nothing else."""

from datetime import timedelta

from hypothesis import strategies as st

from controltower.domain.steps import Step, Trail
from tests.builders import NOW, us

MINUTE = 60_000_000


def a_step(activity: str, minute: float = 0, system: str = "", failed: bool = False) -> Step:
    """A step so many minutes after NOW."""
    return Step(us(NOW + timedelta(minutes=minute)), activity, system or "shop", failed, activity)


def a_trail(number: int, *activities: str, minutes: float = 1, systems: str = "") -> Trail:
    """A journey with a step every so many minutes; `systems` names one letter for each step."""
    steps = [
        a_step(activity, index * minutes, systems[index : index + 1])
        for index, activity in enumerate(activities)
    ]
    started_us = us(NOW) + number
    return Trail(number.to_bytes(16, "big"), started_us, tuple(steps))


@st.composite
def some_trails(draw: st.DrawFn) -> list[Trail]:
    """Journeys of few activities and systems, so that they are alike."""
    sizes = draw(st.lists(st.integers(0, 6), max_size=8))
    return [
        Trail(
            number.to_bytes(16, "big"),
            draw(st.integers(0, 3)),
            tuple(
                sorted(
                    Step(
                        draw(st.integers(0, 10)) * MINUTE,
                        draw(st.sampled_from("abcd")),
                        draw(st.sampled_from("XYZ")),
                        draw(st.booleans()),
                        "type",
                    )
                    for _ in range(size)
                )
            ),
        )
        for number, size in enumerate(sizes)
    ]
