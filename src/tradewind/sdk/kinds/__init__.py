"""The kinds of task decorators; each is loaded when it is first used.

Most Dag files use one or two, and what is imported before a task is forked is paid for by each.
"""

KINDS = {
    "bash": "tradewind.sdk.kinds.bash:bash_task",
    "branch": "tradewind.sdk.kinds.python:branch_task",
    "branch_external_python": "tradewind.sdk.kinds.interpreters:branch_external_python_task",
    "branch_virtualenv": "tradewind.sdk.kinds.interpreters:branch_virtualenv_task",
    "external_python": "tradewind.sdk.kinds.interpreters:external_python_task",
    "python": "tradewind.sdk.kinds.python:python_task",
    "sensor": "tradewind.sdk.kinds.sensor:sensor_task",
    "short_circuit": "tradewind.sdk.kinds.python:short_circuit_task",
    "stub": "tradewind.sdk.kinds.stub:stub_task",
    "virtualenv": "tradewind.sdk.kinds.interpreters:virtualenv_task",
}
"""``@task.`` name: where the decorator is."""
