"""Baseline, where npm is: PostGraphile 5, which plans its reads too, in Node.js, on the same tables behind the same policies."""

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
    """Install the pinned packages, if they are not there yet; return why it cannot be done."""
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
    """Return which PostGraphile is pinned."""
    return str(orjson.loads((FOLDER / "package.json").read_bytes())["dependencies"]["postgraphile"])


def normalize(answer: Any) -> Any:
    """Spell an answer as the service does: PostGraphile shows columns and tables as they are."""
    for one in answer["data"]["lists"]["nodes"]:
        for task in one["tasks"]["nodes"]:
            task["completed"] = task["completed"] == "completed"
            task["priority"] = task["priority"].upper()
            task["tags"] = sorted((pair["tag"] for pair in task["tags"]["nodes"]), key=lambda tag: str(tag["name"]).lower())
    return answer
