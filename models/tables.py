"""All tables in one place, for those who must know every one of them: migrations, the boot check, the tests."""

from models.comment import Comment
from models.credentials import ApiToken, LoginSession
from models.tag import Tag, TaskTag
from models.task import Task
from models.task_list import TaskList
from models.user import DeletedUser, User, UserRevision

TABLES = (User, UserRevision, DeletedUser, LoginSession, ApiToken, TaskList, Task, Tag, TaskTag, Comment)
