"""BaseSensorOperator: waiting, by looking again and again, until something is there."""

import hashlib
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from tradewind.sdk.clock import utcnow
from tradewind.sdk.configuration import conf
from tradewind.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferralTimeout,
)
from tradewind.sdk.operator import BaseOperator

_LONGEST_SECONDS = timedelta(days=365).total_seconds()
_ENDS = (AirflowSensorTimeout, AirflowTaskTimeout, AirflowFailException)
"""What ``soft_fail`` turns into a skip; any other failure stays one."""


class PokeReturnValue:
    """What ``poke`` may answer instead of a bool: whether it is there, and what to push then.

    Example:
        >>> bool(PokeReturnValue(is_done=True, xcom_value="s3://in/orders.csv"))
        True
    """

    def __init__(self, is_done: bool, xcom_value: Any | None = None) -> None:
        self.is_done = is_done
        self.xcom_value = xcom_value

    def __bool__(self) -> bool:
        return self.is_done


class BaseSensorOperator(BaseOperator):
    """The root of all sensors: subclass it and implement ``poke``.

    Args:
        poke_interval: Seconds, or a timedelta, between two looks.
        timeout: How long to wait, from the first look on, in all: the pauses of a rescheduled
            sensor count. Then it fails, without another try.
        soft_fail: End in skipped instead, when the time is over or ``poke`` raises
            AirflowFailException.
        mode: ``poke`` keeps a worker's place while it waits; ``reschedule`` gives it back between
            two looks.
        exponential_backoff: Wait longer before each look, spread by a jitter that is the same
            whenever it is computed.
        max_wait: The longest pause between two looks.
        silent_fail: Take an exception of ``poke`` for "not yet", and log it.
        never_fail: End in skipped whatever ``poke`` raises.

    Example:
        >>> from tradewind import DAG
        >>> from tradewind.sdk.sensor import BaseSensorOperator
        >>> class Arrived(BaseSensorOperator):
        ...     def poke(self, context):
        ...         return True
        >>> with DAG("waiting"):
        ...     sensor = Arrived(task_id="arrived", mode="reschedule", poke_interval=300)
        >>> sensor.reschedule
        True
    """

    ui_color = "#e6f1f2"
    valid_modes: Iterable[str] = ("poke", "reschedule")
    _is_sensor = True

    poke_interval: float
    timeout: float
    soft_fail: bool
    mode: str
    exponential_backoff: bool
    max_wait: timedelta | None
    silent_fail: bool
    never_fail: bool

    def __init__(
        self,
        *,
        poke_interval: timedelta | float = 60,
        timeout: timedelta | float | None = None,
        soft_fail: bool = False,
        mode: str = "poke",
        exponential_backoff: bool = False,
        max_wait: timedelta | float | None = None,
        silent_fail: bool = False,
        never_fail: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if soft_fail and never_fail:
            raise ValueError(f"Task '{self.task_id}': soft_fail and never_fail exclude each other")
        self.poke_interval = self._coerce_poke_interval(poke_interval).total_seconds()
        self.timeout = self._coerce_timeout(
            conf.getfloat("sensors", "default_timeout") if timeout is None else timeout
        ).total_seconds()
        self.max_wait = self._coerce_max_wait(max_wait)
        self.soft_fail = soft_fail
        self.mode = mode
        self.exponential_backoff = exponential_backoff
        self.silent_fail = silent_fail
        self.never_fail = never_fail
        self._validate_input_values()

    # These three are called by subclasses of providers, under these names.

    @staticmethod
    def _coerce_poke_interval(poke_interval: timedelta | float) -> timedelta:
        return _span("poke_interval", poke_interval)

    @staticmethod
    def _coerce_timeout(timeout: timedelta | float) -> timedelta:
        return _span("timeout", timeout)

    @staticmethod
    def _coerce_max_wait(max_wait: timedelta | float | None) -> timedelta | None:
        return None if max_wait is None else _span("max_wait", max_wait)

    def _validate_input_values(self) -> None:
        if self.mode not in self.valid_modes:
            modes = " or ".join(f"'{mode}'" for mode in self.valid_modes)
            raise ValueError(f"Task '{self.task_id}': mode must be {modes}, not '{self.mode}'")

    @property
    def reschedule(self) -> bool:
        """Whether it gives its place back between two looks."""
        return self.mode == "reschedule"

    def poke(self, context: Any) -> bool | PokeReturnValue:
        """Look once; answer whether it is there.

        Raises:
            AirflowException: The subclass does not say how to look.
        """
        raise AirflowException(f"{type(self).__name__} does not implement poke()")

    def execute(self, context: Any) -> Any:
        """Look until it is there, or for as long as may be.

        Raises:
            AirflowSensorTimeout: It took too long.
            AirflowSkipException: It took too long, and is to be skipped for that.
            AirflowRescheduleException: It is not there yet; the next look is a leg of its own.
        """
        if self.reschedule:
            return self._look_once(context)
        start = time.monotonic()
        seed = str(context["ti"].start_date)
        number = 0
        while True:
            number += 1
            found = self._look(context)
            if found:
                return self._found(found)
            waited = time.monotonic() - start
            self._check_time(waited)
            time.sleep(self._pause(seed, waited, number))

    def _look_once(self, context: Any) -> Any:
        first: datetime = context["ti"].start_date or utcnow()
        found = self._look(context)
        if found:
            return self._found(found)
        now = utcnow()
        waited = (now - first).total_seconds()
        self._check_time(waited)
        number = int(context.get("task_reschedule_count") or 0) + 1
        pause = self._pause(str(first), waited, number)
        raise AirflowRescheduleException(now + timedelta(seconds=pause))

    def _look(self, context: Any) -> Any:
        try:
            return self.poke(context)
        except AirflowSkipException:
            raise
        except _ENDS as error:
            raise self._softened(error) from error
        except Exception as error:
            if self.silent_fail:
                self.log.exception("poke() failed; taken for 'not yet'")
                return False
            if self.never_fail:
                raise AirflowSkipException(f"Skipped, as it may never fail: {error}") from error
            raise

    def _softened(self, error: BaseException) -> BaseException:
        if self.soft_fail or self.never_fail:
            name = "soft_fail" if self.soft_fail else "never_fail"
            return AirflowSkipException(f"Skipped because of {name}: {error}")
        return error

    def _found(self, found: Any) -> Any:
        self.log.info("It is there")
        return found.xcom_value if isinstance(found, PokeReturnValue) else None

    def _check_time(self, waited: float) -> None:
        if waited <= self.timeout:
            return
        message = f"It has waited {waited:.0f} s, longer than its timeout of {self.timeout:g} s"
        raise self._softened(AirflowSensorTimeout(message))

    def _pause(self, seed: str, waited: float, number: int) -> float:
        """Answer the seconds until the next look, after look ``number``."""
        if not self.exponential_backoff:
            return self.poke_interval
        base = backoff_base(self.poke_interval, number)
        key = f"{self.dag_id}#{self.task_id}#{seed}#{number}".encode()
        # A spreading hash, not a secret.
        jitter = int(hashlib.sha1(key, usedforsecurity=False).hexdigest(), 16) % base
        pause = min(float(base + jitter), self.timeout - int(waited))
        if self.max_wait is not None:
            pause = min(pause, self.max_wait.total_seconds())
        pause = max(pause, 0.0)
        self.log.info("Looks again in %g s", pause)
        return pause

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any
    ) -> Any:
        """Go on after a deferral, by the same rules: too late is a sensor's timeout.

        Raises:
            AirflowSensorTimeout: The trigger took longer than its timeout.
            AirflowSkipException: It failed in a way that is to be skipped for.
        """
        try:
            return self._resume(next_method, next_kwargs, context)
        except AirflowSkipException:
            raise
        except _ENDS as error:
            raise self._softened(error) from error
        except AirflowException as error:
            if self.never_fail:
                raise AirflowSkipException(f"Skipped, as it may never fail: {error}") from error
            raise

    def _resume(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout as error:
            raise AirflowSensorTimeout(*error.args) from error


def backoff_base(interval: float, number: int) -> int:
    """Answer the least whole seconds before look ``number + 1``: half of ``interval``, doubling.

    Example:
        >>> [backoff_base(60, number) for number in (1, 2, 3, 4)]
        [30, 60, 120, 240]
    """
    try:
        grown = interval * 2.0 ** (number - 2)
    except OverflowError:
        grown = _LONGEST_SECONDS
    return max(int(min(grown, _LONGEST_SECONDS)), 1)


def _span(name: str, value: Any) -> timedelta:
    if isinstance(value, timedelta):
        span = value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        span = timedelta(seconds=value)
    else:
        raise ValueError(f"{name} must be seconds or a timedelta, not {type(value).__name__}")
    if span < timedelta():
        raise ValueError(f"{name} must not be negative")
    return span


def poke_mode_only(cls: type[BaseSensorOperator]) -> type[BaseSensorOperator]:
    """Make a class of sensors refuse any other mode than ``poke``.

    Raises:
        ValueError: It is no class of sensors; or, later, another mode is asked for.
    """
    if not issubclass(cls, BaseSensorOperator):
        raise ValueError(f"poke_mode_only is for classes of sensors; {cls.__name__} is none")

    def mode_of(sensor: BaseSensorOperator) -> str:
        return "poke"

    def refuse(sensor: BaseSensorOperator, value: str) -> None:
        if value != "poke":
            raise ValueError(f"{cls.__name__} only works in mode 'poke', not '{value}'")

    setter: Callable[[BaseSensorOperator, str], None] = refuse
    cls.mode = property(mode_of, setter)  # type: ignore[assignment]
    return cls
