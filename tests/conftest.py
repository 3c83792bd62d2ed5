"""What holds for every test: the environment it starts in, and how much hypothesis tries."""

import os

from hypothesis import HealthCheck, settings

OURS = ("TRADEWIND_", "AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_")

# At import, before any fixture or test module is: settings somebody has exported for a Tradewind
# of their own must not reach the tests, and least of all must a test reach that Tradewind.
for name in [name for name in os.environ if name.startswith(OURS)]:
    del os.environ[name]

# No deadline for an example: on a loaded machine it measures the neighbours. The blob printed
# with a failure replays it anywhere.
settings.register_profile(
    "dev", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
# The same examples on every run, so that a change is judged by what it changes.
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None)
settings.register_profile("thorough", settings.get_profile("dev"), max_examples=5_000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)
