"""What all tests of single parts have in common."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _builds(builds_within: None) -> None:
    """Build within the tests' process."""
