"""The list in a file against the list in memory: whatever is done to both, both answer the same."""

from hypothesis import settings
from model import TwoLists

TwoLists.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestTwoLists = TwoLists.TestCase
