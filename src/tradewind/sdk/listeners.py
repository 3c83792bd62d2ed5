"""The mark of a listener's functions: ``from airflow.listeners import hookimpl`` is this one.

A listener is a module or an object whose marked functions are named for what they are told of:
``on_task_instance_running``, ``..._success``, ``..._failed``, ``..._skipped``,
``on_dag_run_running``, ``..._success``, ``..._failed``, ``on_starting``, ``before_stopping``. A
plugin names its listeners; they are called where user code runs, never in the server.
"""

from pluggy import HookimplMarker

hookimpl = HookimplMarker("airflow")
