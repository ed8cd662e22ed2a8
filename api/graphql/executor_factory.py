"""Factory of the GraphQL executor, with the persisted documents of the settings."""

from pathlib import Path

from api.settings import Settings, SettingsError
from graphql_schema.documents.manifest import ManifestError, read_manifest
from graphql_schema.documents.persisted import InvalidAllowListError
from graphql_schema.execution.executor import GraphQLExecutor
from graphql_schema.schema import build_schema


def build_executor(settings: Settings) -> GraphQLExecutor:
    """Build the executor. Raises SettingsError if the persisted documents are invalid."""
    path = settings.graphql_persisted_documents
    try:
        return GraphQLExecutor(
            build_schema(),
            settings.graphql_max_cost,
            introspection=settings.graphql_introspection,
            allow_list=_read_allow_list(path) if path else None,
            allow_list_only=settings.graphql_persisted_documents_only,
        )
    except (ManifestError, InvalidAllowListError) as error:
        raise SettingsError(f"GRAPHQL_PERSISTED_DOCUMENTS {path} {error}") from None


def _read_allow_list(path: Path) -> dict[str, str]:
    try:
        return read_manifest(path.read_bytes())
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}") from None
