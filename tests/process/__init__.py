"""Tests of the server process: HTTP limits, command line, signals, logs."""
