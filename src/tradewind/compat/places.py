"""Where things are and which time holds, under the names that older files import."""

import os
from pathlib import Path

from tradewind.config import find_home
from tradewind.sdk.timezone import utc

AIRFLOW_HOME = os.environ.get("AIRFLOW_HOME") or str(find_home(os.environ, Path.cwd()))
"""The folder that Dag files look for their neighbours in: as the environment says, or our home."""

TIMEZONE = utc
"""The time that dates without a zone are in."""
