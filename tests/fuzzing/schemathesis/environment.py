"""How schemathesis' process learns what it needs to know: by these names in its environment."""

TARGET = "FUZZING_TARGET"  # where the service listens
OWNER = "FUZZING_OWNER"  # the id of whose token is sent
SEED = "FUZZING_SEED"
CENSUS = "FUZZING_CENSUS"  # the file to write at the end
