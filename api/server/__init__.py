"""HTTP server: the uvicorn protocol with limits, and the options of uvicorn."""
