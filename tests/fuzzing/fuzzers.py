"""List of all fuzzers."""

from tests.fuzzing.requests.connection_arguments import fuzz_arguments
from tests.fuzzing.requests.cursors import fuzz_cursors
from tests.fuzzing.requests.graphql_requests import fuzz_documents, fuzz_mutations, fuzz_operations, fuzz_transport
from tests.fuzzing.requests.http_requests import fuzz_requests
from tests.fuzzing.requests.query_parameters import fuzz_queries
from tests.fuzzing.requests.request_bodies import fuzz_bodies
from tests.fuzzing.requests.tokens import fuzz_tokens
from tests.fuzzing.requests.unknown_paths import fuzz_unknown_paths
from tests.fuzzing.runner import Fuzzer

FUZZERS: tuple[Fuzzer, ...] = (
    fuzz_tokens,
    fuzz_cursors,
    fuzz_arguments,
    fuzz_queries,
    fuzz_bodies,
    fuzz_requests,
    fuzz_unknown_paths,
    fuzz_operations,
    fuzz_documents,
    fuzz_transport,
    fuzz_mutations,
)
