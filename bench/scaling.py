"""Scaling workloads with 1, 10, 100 and 1,000 tasks per list: a page of each list, and the largest page of one list."""

from bench.users import PAGE_SIZE, SCALING_USERS, BenchmarkUser
from bench.workloads import Workload, nested, one_list

MAX_PAGE_SIZE = 500

NESTED_PAGES = {
    tasks: Workload(f"nested of {tasks}", f"nested, {tasks} tasks per list", nested(PAGE_SIZE), [BenchmarkUser(number)])
    for tasks, number in SCALING_USERS.items()
}
WHOLE_LISTS = {
    tasks: Workload(f"list of {tasks}", f"whole list, {tasks} tasks", one_list(MAX_PAGE_SIZE), [BenchmarkUser(number)])
    for tasks, number in SCALING_USERS.items()
}
