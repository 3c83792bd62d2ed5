"""Bundles of a world: what each state of the Dag files held, and who is given which.

In every other world the bundle is pinned. Then an order must name bytes in which the run's Dag has
the structure of the run's version, whatever was saved meanwhile; and parsing reads what the order
names.
"""

from datetime import datetime
from random import Random

from tests.simulation.holding import BrokenError
from tests.simulation.shadow import Run
from tradewind.core.manifest import Manifest
from tradewind.core.spec import DagSpec, structure_hash
from tradewind.protocol.orders import BundleRef, TaskOrder
from tradewind.store import bundles, files
from tradewind.store.bundles import Tree
from tradewind.store.database import Tx

_NAME = "local"


class Pins:
    """The states of the one bundle."""

    def __init__(self, seed: int) -> None:
        # Not the world's own chance, which would play every old seed another way.
        self.is_on = Random(seed ^ 0x9E3779B9).random() < 0.5
        self._held: dict[str, dict[str, DagSpec]] = {}

    def keep(self, digest: str, held: dict[str, DagSpec]) -> None:
        """Remember a state."""
        self._held[digest] = dict(held)

    def discover(self, tx: Tx, manifest: Manifest, now: datetime) -> None:
        """Write that the bundle is in this state."""
        root = self._root(manifest.digest)
        if self.is_on:
            tree = Tree(
                bundle=_NAME,
                digest=manifest.digest,
                root=root,
                dags_folder=f"{root}/dags",
                created_at=now,
            )
            bundles.keep_tree(tx, tree)
        bundles.upsert_bundle(tx, _NAME, root, f"{root}/dags", is_pinned=self.is_on)
        files.apply_discovery(tx, _NAME, manifest, now)

    def read(self, bundle: BundleRef, file: str, now: dict[str, DagSpec]) -> DagSpec | None:
        """Answer what a worker finds in a file: in a bundle in place, what is there now."""
        held = self._held[bundle.root.removeprefix("/x/")] if self.is_on else now
        return held.get(file)

    def check(self, order: TaskOrder, run: Run) -> None:
        """Hold that an order names the bytes that its run is to run.

        Raises:
            BrokenError: It names others.
        """
        if not self.is_on:
            return
        digest = order.bundle.digest
        spec = self._held[digest].get(order.file)
        if order.bundle.root != self._root(digest) or spec is None:
            raise BrokenError(f"Pin: {order.task_id} is sent to {order.bundle.root}, {order.file}")
        if structure_hash(spec) != structure_hash(run.version.spec):
            raise BrokenError(f"Pin: {digest} does not hold the version that {run.run_id} runs")

    def _root(self, digest: str) -> str:
        return f"/x/{digest}" if self.is_on else "/x"
