"""A graph folded from its log is the graph loaded from its rows, at every point of any run."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulation.core_world import START, CoreWorld, Play, facts_of
from tradewind.core.drive import fold
from tradewind.core.events import Event, decode_event, encode_event
from tradewind.core.graph import RunGraph
from tradewind.core.states import RunState

QUIET = settings(
    deadline=timedelta(seconds=10), suppress_health_check=[HealthCheck.too_slow], max_examples=60
)


class Recorded(Play):
    """A play that keeps the log of its run."""

    def __init__(self, world: CoreWorld, seed: int) -> None:
        self.log: list[Event] = []
        super().__init__(world, seed)

    def tell(self, event: Event) -> None:
        self.log.append(event)
        super().tell(event)

    def decide(self) -> list[Event]:
        decided = super().decide()
        self.log += decided
        return decided


@QUIET
@given(seed=st.integers(0, 2**32))
def test_folding_the_log_gives_the_graph_that_was_driven(seed: int) -> None:
    world = CoreWorld(seed)
    played = Recorded(world, seed)
    played.run()

    folded = RunGraph.start(world.plan)
    for seq, event in enumerate(played.log, start=1):
        fold(folded, seq, decode_event(encode_event(event)))

    assert folded.seq == played.graph.seq
    assert folded.state is played.graph.state
    assert facts_of(folded) == facts_of(played.graph)


@QUIET
@given(seed=st.integers(0, 2**32), share=st.floats(0, 1))
def test_loading_rows_gives_the_graph_of_the_log_so_far(seed: int, share: float) -> None:
    world = CoreWorld(seed)
    played = Recorded(world, seed)
    played.run()
    folded = RunGraph.start(world.plan)
    for seq, event in enumerate(played.log[: int(len(played.log) * share)], start=1):
        fold(folded, seq, event)

    loaded = RunGraph.load(
        world.plan,
        folded.snapshot(),
        state=folded.state,
        seq=folded.seq,
        start_date=START if folded.state is RunState.RUNNING else None,
    )

    assert facts_of(loaded) == facts_of(folded)
