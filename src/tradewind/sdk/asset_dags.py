"""``@asset``: a function that makes an asset, as a Dag of one task.

A parameter named as another asset is given that asset, and makes it an inlet; ``self`` is the
asset that is made, ``context`` the task's context.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tradewind.sdk.assets import Asset, AssetRef
from tradewind.sdk.context import CONTEXT_KEYS
from tradewind.sdk.dags import DAG
from tradewind.sdk.exceptions import AirflowNotFoundException
from tradewind.sdk.operators.python import PythonOperator

_OWN = ("self", "context")


class AssetDefinition(Asset):
    """The asset that a function makes; the Dag that makes it has the same id."""

    def __init__(self, function: Callable[..., Any], maker: "asset") -> None:
        super().__init__(
            function.__name__,
            maker.uri if maker.uri is not None else function.__name__,
            group=maker.group,
            extra=maker.extra,
            watchers=maker.watchers,
        )
        self.dag = _make_dag(function, [self], maker, owner=self)

    @classmethod
    def deserialize(cls, data: Mapping[str, Any], version: int) -> Asset:
        """Answer the asset alone: what makes it stays where it is written."""
        return Asset(**data)

    def __repr__(self) -> str:
        return f"AssetDefinition(name={self.name!r}, uri={self.uri!r})"


class MultiAssetDefinition:
    """The assets that a function makes together."""

    def __init__(self, function: Callable[..., Any], outlets: Sequence[Any], maker: Any) -> None:
        if not outlets:
            raise ValueError("@asset.multi needs outlets")
        self.name = function.__name__
        self.outlets = list(outlets)
        self.dag = _make_dag(function, self.outlets, maker, owner=None)

    def parts(self) -> list[Any]:
        """Answer the assets."""
        return [part for one in self.outlets for part in one.parts()]


class AssetOperator(PythonOperator):
    """Calls the function that makes an asset, with the assets its parameters name."""

    def __init__(self, *, owner_asset: Asset | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.owner_asset = owner_asset

    def determine_kwargs(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer what each parameter is given."""
        given: dict[str, Any] = {}
        known = {one.name: one for one in context["inlets"]}
        for name, parameter in inspect.signature(self.python_callable).parameters.items():
            if name == "self" and self.owner_asset is not None:
                given[name] = self.owner_asset
            elif name == "context" or parameter.kind is inspect.Parameter.VAR_KEYWORD:
                given.update({name: context} if name == "context" else {})
            elif name in known:
                given[name] = _described(known[name], context)
            elif name in CONTEXT_KEYS and name in context:
                given[name] = context[name]
        return given


def _described(one: Any, context: Any) -> Any:
    if not isinstance(one, AssetRef):
        return one
    found = context["inlet_events"].describe(one)
    if found is None:
        raise AirflowNotFoundException(f"There is no asset '{one.name}'")
    return Asset(found.name, found.uri, group=found.group, extra=found.extra)


def _make_dag(
    function: Callable[..., Any], outlets: list[Any], maker: Any, owner: Asset | None
) -> DAG:
    names = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in _OWN
        and name not in CONTEXT_KEYS
        and parameter.kind is not inspect.Parameter.VAR_KEYWORD
        and parameter.default is inspect.Parameter.empty
    ]
    made = DAG(
        maker.dag_id or function.__name__,
        schedule=maker.schedule,
        description=inspect.getdoc(function),
        **maker.dag_kwargs,
    )
    with made:
        AssetOperator(
            task_id=function.__name__,
            python_callable=function,
            owner_asset=owner,
            inlets=[AssetRef(name=name) for name in names if owner is None or name != owner.name],
            outlets=outlets,
        )
    return made


class asset:  # noqa: N801 - it is used as a decorator
    """Makes a Dag of one task that makes an asset.

    Example:
        >>> @asset(uri="s3://lake/sales", schedule="@daily")
        ... def sales(self, context):
        ...     return 3
        >>> sales.dag.dag_id, sales.dag.task_ids, sales.uri
        ('sales', ['sales'], 's3://lake/sales')
    """

    def __init__(
        self,
        *,
        schedule: Any,
        uri: Any = None,
        group: str | None = None,
        extra: Mapping[str, Any] | None = None,
        watchers: Sequence[Any] | None = None,
        dag_id: str | None = None,
        **dag_kwargs: Any,
    ) -> None:
        self.schedule = schedule
        self.uri = uri
        self.group = group
        self.extra = extra
        self.watchers = watchers
        self.dag_id = dag_id
        self.dag_kwargs = dag_kwargs

    def __call__(self, function: Callable[..., Any]) -> AssetDefinition:
        """Answer the asset that the function makes."""
        _refuse_nested(function)
        return AssetDefinition(function, self)

    class multi:  # noqa: N801 - it is used as a decorator
        """Makes a Dag of one task that makes several assets together."""

        def __init__(
            self,
            *,
            schedule: Any,
            outlets: Sequence[Any],
            dag_id: str | None = None,
            **dag_kwargs: Any,
        ) -> None:
            self.schedule = schedule
            self.outlets = outlets
            self.dag_id = dag_id
            self.dag_kwargs = dag_kwargs

        def __call__(self, function: Callable[..., Any]) -> MultiAssetDefinition:
            """Answer the assets that the function makes."""
            _refuse_nested(function)
            return MultiAssetDefinition(function, self.outlets, self)


def _refuse_nested(function: Callable[..., Any]) -> None:
    if function.__name__ != function.__qualname__ and "<locals>" not in function.__qualname__:
        raise ValueError("nested function not supported")
