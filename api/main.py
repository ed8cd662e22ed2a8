"""What uvicorn imports by name: the only object built at import time."""

from api.app import create_app
from api.logs import set_up_logs
from api.settings import load_settings

set_up_logs()
app = create_app(load_settings())
