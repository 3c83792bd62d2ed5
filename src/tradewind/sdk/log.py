"""The logger every operator and hook carries as ``self.log``."""

import logging


class LoggingMixin:
    """Gives a class ``self.log``, named for the class or by ``logger_name``."""

    logger_name: str | None = None

    @property
    def log(self) -> logging.Logger:
        """Answer this object's logger."""
        cls = type(self)
        return logging.getLogger(self.logger_name or f"{cls.__module__}.{cls.__qualname__}")
