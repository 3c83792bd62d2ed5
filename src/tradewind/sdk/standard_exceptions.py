"""What the standard operators and sensors raise."""

from tradewind.sdk.exceptions import AirflowException, AirflowFailException
from tradewind.sdk.exceptions import HITLTimeoutError as HITLTimeoutError
from tradewind.sdk.exceptions import HITLTriggerEventError as HITLTriggerEventError


class AirflowExternalTaskSensorException(AirflowException):
    """Something is wrong with what an ExternalTaskSensor waits for."""


class ExternalDagNotFoundError(AirflowExternalTaskSensorException):
    """There is no such Dag."""


class ExternalDagDeletedError(AirflowExternalTaskSensorException):
    """The Dag is gone from its file."""


class ExternalTaskNotFoundError(AirflowExternalTaskSensorException):
    """The Dag has no such task."""


class ExternalTaskGroupNotFoundError(AirflowExternalTaskSensorException):
    """The Dag has no such task group."""


class ExternalTaskFailedError(AirflowExternalTaskSensorException):
    """A task that was waited for is in one of ``failed_states``."""


class ExternalTaskGroupFailedError(AirflowExternalTaskSensorException):
    """A task of the group that was waited for is in one of ``failed_states``."""


class ExternalDagFailedError(AirflowExternalTaskSensorException):
    """The run that was waited for is in one of ``failed_states``."""


class DuplicateStateError(AirflowExternalTaskSensorException):
    """A state is to mean two things."""


class HITLRejectException(AirflowFailException):
    """A person rejected what was to be approved, and that is to fail the task for good."""
