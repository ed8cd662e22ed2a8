"""All games that are played with requests of our own."""

from tests.fuzzing.anywhere import fuzz_addresses
from tests.fuzzing.bodies import fuzz_bodies
from tests.fuzzing.cursors import fuzz_cursors
from tests.fuzzing.filters import fuzz_arguments
from tests.fuzzing.graph import fuzz_documents, fuzz_mutations, fuzz_operations, fuzz_transport
from tests.fuzzing.play import Fuzzer
from tests.fuzzing.queries import fuzz_queries
from tests.fuzzing.requests import fuzz_requests
from tests.fuzzing.tokens import fuzz_tokens

GAMES: tuple[Fuzzer, ...] = (
    fuzz_tokens,
    fuzz_cursors,
    fuzz_arguments,
    fuzz_queries,
    fuzz_bodies,
    fuzz_requests,
    fuzz_addresses,
    fuzz_operations,
    fuzz_documents,
    fuzz_transport,
    fuzz_mutations,
)
