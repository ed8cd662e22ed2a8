"""What uvicorn imports by name: the only object built at import time."""

from api.app import create_app
from api.logging import configure_logging
from api.settings import load_settings

configure_logging()
app = create_app(load_settings())
