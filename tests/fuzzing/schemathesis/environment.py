"""Environment variables that configure the schemathesis process."""

TARGET = "FUZZING_TARGET"  # base URL of the service
OWNER = "FUZZING_OWNER"  # id of the user whose token is sent
SEED = "FUZZING_SEED"
REQUEST_COUNTS_FILE = "FUZZING_REQUEST_COUNTS"  # file to write at the end
