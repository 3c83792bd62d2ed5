"""Where the Dags that come with Tradewind lie."""

from importlib.resources import files
from pathlib import Path

EXAMPLES_BUNDLE = "examples"
"""Name of the bundle of Dags that come with Tradewind."""


def examples_folder() -> Path:
    """Answer the folder of example Dags: inside the installed package, or of the checkout."""
    shipped = Path(str(files("tradewind"))) / "examples" / "dags"
    if shipped.is_dir():
        return shipped
    return Path(str(files("tradewind"))).parents[1] / "examples" / "dags"
