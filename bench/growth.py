"""How cost grows with 1, 10, 100 and 1,000 tasks per list: a page of each list, and the largest page of one list."""

from bench.people import GROWTH, PAGE, Person
from bench.workloads import Workload, nested, one_list

LARGEST_PAGE = 500

PAGES = {
    tasks: Workload(f"nested of {tasks}", f"nested, {tasks} tasks per list", nested(PAGE), [Person(number)])
    for tasks, number in GROWTH.items()
}
WHOLE = {
    tasks: Workload(f"list of {tasks}", f"whole list, {tasks} tasks", one_list(LARGEST_PAGE), [Person(number)])
    for tasks, number in GROWTH.items()
}
