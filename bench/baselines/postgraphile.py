"""Baseline PostGraphile 5 in Node.js, if npm is installed. It plans its reads too, and uses the same tables and policies."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import orjson

from bench.users import PAGE_SIZE

FOLDER = Path(__file__).parent / "postgraphile_server"
_INSTALL_SECONDS = 300
_NOT_DELETED = "condition: {deletedAt: null}"

NESTED = f"""{{
  lists: allTaskLists(first: 50, orderBy: [POSITION_ASC, ROW_ID_ASC], {_NOT_DELETED}) {{ nodes {{
    id: rowId name
    tasks: tasksByUserIdAndListId(first: {PAGE_SIZE}, orderBy: [CREATED_AT_DESC, ROW_ID_DESC], {_NOT_DELETED}) {{ nodes {{
      id: rowId title completed: status priority createdAt
      tags: taskTagsByUserIdAndTaskId {{ nodes {{ tag: tagByUserIdAndTagId {{ id: rowId name color }} }} }}
    }} }}
  }} }}
}}"""


def install() -> str | None:
    """Install the pinned packages unless they are installed; return the reason if that fails."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "npm is not installed"
    installed = FOLDER / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= (FOLDER / "package-lock.json").stat().st_mtime:
        return None
    try:
        subprocess.run(["npm", "ci"], cwd=FOLDER, check=True, capture_output=True, timeout=_INSTALL_SECONDS)
    except (subprocess.SubprocessError, OSError) as error:
        return f"npm ci: {error}"
    return None


def version() -> str:
    """Return the pinned version of PostGraphile."""
    return str(orjson.loads((FOLDER / "package.json").read_bytes())["dependencies"]["postgraphile"])


def normalize(response: Any) -> Any:
    """Return a response in the form of the service: PostGraphile returns columns and tables unchanged."""
    for task_list in response["data"]["lists"]["nodes"]:
        for task in task_list["tasks"]["nodes"]:
            task["completed"] = task["completed"] == "completed"
            task["priority"] = task["priority"].upper()
            task["tags"] = sorted((link["tag"] for link in task["tags"]["nodes"]), key=lambda tag: str(tag["name"]).lower())
    return response
