"""The graph, nothing else; knows no HTTP."""
