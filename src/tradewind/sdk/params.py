"""Params: what a run of a Dag can be told, with defaults and rules (JSON schema, 2020-12)."""

import json
from collections.abc import ItemsView, Iterator, Mapping, MutableMapping
from typing import Any

from tradewind.core.params import find_problem, merge_conf
from tradewind.sdk.exceptions import ParamValidationError
from tradewind.sdk.sentinels import NOTSET, is_arg_set


class Param:
    """A value with rules: ``Param(5, type="integer", minimum=1)``.

    Every keyword but ``description`` and ``source`` is part of the JSON schema; ``title``,
    ``section`` and their like are for the trigger form.

    Example:
        >>> Param("de", type="string", enum=["de", "fr"]).resolve()
        'de'
    """

    def __init__(
        self,
        default: Any = NOTSET,
        description: str | None = None,
        source: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.value: Any = default.value if isinstance(default, Param) else default
        self.description = description
        self.source = source
        self.schema: dict[str, Any] = kwargs.pop("schema", kwargs)

    @property
    def has_value(self) -> bool:
        """Say whether there is a value; None counts only where the schema allows null."""
        return is_arg_set(self.value)

    def resolve(self, value: Any = NOTSET, suppress_exception: bool = False) -> Any:
        """Answer the value, or the one given instead, if it fits the schema.

        Raises:
            ParamValidationError: There is no value, it is not JSON, or the schema forbids it.
        """
        final = value if is_arg_set(value) else self.value
        problem = self._problem(final)
        if problem and not suppress_exception:
            raise ParamValidationError(problem)
        if problem:
            return None
        if is_arg_set(value):
            self.value = value
        return final

    def _problem(self, value: Any) -> str:
        if not is_arg_set(value):
            return "No value passed and Param has no default value"
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            return f"A Param must be JSON: {error}"
        return find_problem(value, self.schema)

    def dump(self) -> dict[str, Any]:
        """Answer value, description and schema as plain data."""
        return {
            "value": self.value if self.has_value else None,
            "description": self.description,
            "schema": self.schema,
            "source": self.source,
        }

    def serialize(self) -> dict[str, Any]:
        """Answer the same, by the name the field's programs call."""
        return self.dump()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Param)
            and self.dump() == other.dump()
            and self.has_value == other.has_value
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Param({self.value!r})"


class ParamsDict(MutableMapping[str, Any]):
    """Params by name; reading one answers its value.

    Example:
        >>> params = ParamsDict({"limit": Param(5, type="integer")})
        >>> params["limit"]
        5
    """

    def __init__(
        self, dict_obj: Mapping[str, Any] | None = None, suppress_exception: bool = False
    ) -> None:
        self.suppress_exception = suppress_exception
        given = dict_obj or {}
        source = dict(given.items_with_rules()) if isinstance(given, ParamsDict) else given
        self._params = {name: _as_param(value) for name, value in source.items()}

    def __getitem__(self, key: str) -> Any:
        return self._params[key].resolve(suppress_exception=self.suppress_exception)

    def __setitem__(self, key: str, value: Any) -> None:
        known = self._params.get(key)
        if known is None or isinstance(value, Param):
            self._params[key] = _as_param(value)
            return
        try:
            known.resolve(value, suppress_exception=self.suppress_exception)
        except ParamValidationError as error:
            raise ParamValidationError(f"Invalid input for param '{key}': {error}") from None

    def __delitem__(self, key: str) -> None:
        del self._params[key]

    def __contains__(self, key: object) -> bool:
        return key in self._params

    def __iter__(self) -> Iterator[str]:
        return iter(self._params)

    def __len__(self) -> int:
        return len(self._params)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ParamsDict):
            return self._params == other._params
        return isinstance(other, Mapping) and self.dump() == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.dump())

    def copy(self) -> "ParamsDict":
        """Answer Params of their own with the same values and rules."""
        return ParamsDict(self, self.suppress_exception)

    def items_with_rules(self) -> ItemsView[str, Param]:
        """Answer the names and the Params themselves."""
        return self._params.items()

    def get_param(self, key: str) -> Param:
        """Answer the Param itself, with its rules."""
        return self._params[key]

    @staticmethod
    def filter_params_by_source(params: "ParamsDict", source: str) -> "ParamsDict":
        """Answer the Params that are said to come from there, or are not said to come elsewhere."""
        kept = (None, source)
        found = {n: param for n, param in params.items_with_rules() if param.source in kept}
        return ParamsDict(found)

    def dump(self) -> dict[str, Any]:
        """Answer the values, as plain data; None where a Param has none."""
        return {
            name: param.value if param.has_value else None for name, param in self._params.items()
        }

    def validate(self) -> dict[str, Any]:
        """Answer all values, each checked against its rules.

        Raises:
            ParamValidationError: One does not fit; the message names it.
        """
        values: dict[str, Any] = {}
        for name, param in self._params.items():
            try:
                values[name] = param.resolve(suppress_exception=self.suppress_exception)
            except ParamValidationError as error:
                raise ParamValidationError(f"Invalid input for param '{name}': {error}") from None
        return values

    def deep_merge(self, data: Mapping[str, Any]) -> None:
        """Put values over these, key by key inside objects; names unknown here are added."""
        for name, value in data.items():
            known = self._params.get(name)
            below = known.value if known is not None else None
            both = isinstance(below, Mapping) and isinstance(value, Mapping)
            self[name] = merge_conf(below, value) if both else value


def _as_param(value: Any) -> Param:
    if not isinstance(value, Param):
        return Param(value)
    copied = Param(value.value, value.description, value.source)
    copied.schema = value.schema
    return copied
