"""Why Dag files gave no Dags."""

from fastapi import APIRouter

from tradewind.api.public.fields import Moment, PagingDep, ServicesDep, Shape
from tradewind.errors import NotFoundError
from tradewind.store import import_errors
from tradewind.store.import_errors import ImportErrorFacts

router = APIRouter(tags=["Import Error"])


class ImportErrorShape(Shape):
    """One import error."""

    import_error_id: int
    timestamp: Moment
    filename: str
    bundle_name: str | None
    stack_trace: str


class ImportErrorList(Shape):
    """A page of import errors."""

    import_errors: list[ImportErrorShape]
    total_entries: int


@router.get("/importErrors")
def get_import_errors(services: ServicesDep, page: PagingDep) -> ImportErrorList:
    """List import errors by bundle and file."""
    with services.database.read() as tx:
        return ImportErrorList(
            import_errors=[
                _shape(one) for one in import_errors.list_import_errors(tx, page.limit, page.offset)
            ],
            total_entries=import_errors.count_import_errors(tx),
        )


@router.get("/importErrors/{import_error_id}")
def get_import_error(import_error_id: int, services: ServicesDep) -> ImportErrorShape:
    """Read one import error."""
    with services.database.read() as tx:
        found = import_errors.read_import_error(tx, import_error_id)
    if found is None:
        raise NotFoundError(
            "import-error-not-found",
            f"The ImportError with import_error_id: `{import_error_id}` was not found",
        )
    return _shape(found)


def _shape(facts: ImportErrorFacts) -> ImportErrorShape:
    place = f"{facts.file}, line {facts.line}" if facts.line is not None else facts.file
    return ImportErrorShape(
        import_error_id=facts.id,
        timestamp=facts.at,
        filename=facts.file,
        bundle_name=facts.bundle,
        stack_trace=facts.stacktrace or f"{place}: {facts.message}",
    )
