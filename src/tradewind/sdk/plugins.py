"""Plugins: what an installation adds for all its Dags."""

from typing import Any


class AirflowPlugin:
    """What a plugin adds; a subclass in the plugins folder, or an entry point, is one.

    ``macros``, ``operator_extra_links``, ``global_operator_extra_links``, ``timetables``,
    ``deadline_references`` and ``listeners`` have their effect where user code runs. What would
    change the server or its pages has none; ``tradewind plugins`` says which.

    Example:
        >>> def shout(text):
        ...     return text.upper()
        >>> class Loud(AirflowPlugin):
        ...     name = "loud"
        ...     macros = [shout]
        >>> # in a template: {{ macros.loud.shout("hello") }}
    """

    name: str | None = None
    macros: list[Any] = []  # noqa: RUF012 - as in the field, a subclass has its own
    operator_extra_links: list[Any] = []  # noqa: RUF012
    global_operator_extra_links: list[Any] = []  # noqa: RUF012
    timetables: list[Any] = []  # noqa: RUF012
    deadline_references: list[Any] = []  # noqa: RUF012
    listeners: list[Any] = []  # noqa: RUF012
    partition_mappers: list[Any] = []  # noqa: RUF012
    windows: list[Any] = []  # noqa: RUF012
    priority_weight_strategies: list[Any] = []  # noqa: RUF012
    hook_lineage_readers: list[Any] = []  # noqa: RUF012
    fastapi_apps: list[Any] = []  # noqa: RUF012
    fastapi_root_middlewares: list[Any] = []  # noqa: RUF012
    external_views: list[Any] = []  # noqa: RUF012
    react_apps: list[Any] = []  # noqa: RUF012
    flask_blueprints: list[Any] = []  # noqa: RUF012
    appbuilder_views: list[Any] = []  # noqa: RUF012
    appbuilder_menu_items: list[Any] = []  # noqa: RUF012

    @classmethod
    def validate(cls) -> None:
        """Refuse a plugin that says no name.

        Raises:
            ValueError: It has none.
        """
        if not cls.name:
            raise ValueError(f"The plugin {cls.__name__} has no name")

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Do what is to be done once, when the plugin is loaded."""
