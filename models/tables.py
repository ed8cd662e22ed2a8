"""All table classes, for migrations, the readiness check and tests."""

from models.comment import Comment
from models.credentials import ApiToken, LoginSession
from models.tag import Tag, TaskTag
from models.task import Task
from models.task_list import TaskList
from models.user import AccountDeletion, DeletedUser, User, UserRevision

TABLES = (User, UserRevision, DeletedUser, AccountDeletion, LoginSession, ApiToken, TaskList, Task, Tag, TaskTag, Comment)
