"""ASGI application for servers that import it by name, such as `uvicorn api.main:app`. Built at import time."""

from api.app import create_app
from api.logging import configure_logging
from api.server.processes import follow_parent
from api.settings import load_settings

follow_parent()
configure_logging()
app = create_app(load_settings(configure_logging))
