import pytest

from deploy.local.plan import Plan, Process, Step


def process(name: str, *needs: str) -> Process:
    return Process(name, ("true",), ready=lambda _: True, needs=needs)


def test_a_need_that_nothing_fulfils_is_refused() -> None:
    with pytest.raises(ValueError, match="front"):
        Plan(processes=(process("front", "nothing"),))


def test_needs_in_a_circle_are_refused() -> None:
    with pytest.raises(ValueError, match="egg"):
        Plan(processes=(process("hen", "egg"), process("egg", "hen")))


def test_what_is_needed_stops_last_through_steps_as_well() -> None:
    plan = Plan(
        processes=(process("store"), process("front", "migrate"), process("edge")),
        steps=(Step("migrate", ("true",), needs=("store",)),),
    )
    waves = [{item.name for item in wave} for wave in plan.stop_waves()]
    assert waves == [{"front", "edge"}, {"store"}]
