"""Serves the names that existing Dag files and provider packages import as ``airflow.*``.

Tables say which name is which of ours; a finder serves them in processes that run user code. No
file named ``airflow`` exists on disk, and a name that is not in the tables is refused by name.
"""
