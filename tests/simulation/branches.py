"""What simulated branches choose to skip."""

from typing import TYPE_CHECKING

from tradewind.protocol.orders import TaskOrder

if TYPE_CHECKING:
    from tests.simulation.world import World


def chosen_skips(world: "World", order: TaskOrder) -> tuple[str, ...]:
    """Answer which tasks the success of one chooses to skip: some, all, or none below it."""
    ti = world.checker.shadow.tis.get(order.ti_id)
    if ti is None or order.task_id not in ti.run.version.tasks:
        return ()
    below = sorted(ti.run.version.reading.skippable[order.task_id])
    how = world.rng.random()
    if not below or how < 0.2:
        return ()
    if how < 0.4:
        return tuple(below)
    return tuple(name for name in below if world.rng.random() < 0.5)
