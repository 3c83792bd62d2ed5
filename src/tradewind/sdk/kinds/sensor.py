"""The decorator of functions that are asked until they say yes."""

from tradewind.sdk.kinds.making import CallingOperator, make_decorator
from tradewind.sdk.sensors.python import PythonSensor


class SensorDecoratedOperator(CallingOperator, PythonSensor):
    """Waits until the decorated function answers something true."""

    custom_operator_name: str = "@task.sensor"


sensor_task = make_decorator("sensor", SensorDecoratedOperator, "waits until it says yes")
