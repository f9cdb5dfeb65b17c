"""The planted faults fit the code as it is, so that `make mutations` plants every one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutations.__main__ import planted
from tests.mutations.catalogue import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_a_fault_fits_its_file_and_names_tests_that_are_there(mutation: Mutation) -> None:
    """Its text occurs once, the file is still Python with the fault in it, and the tests that should notice exist."""
    sound = (ROOT / mutation.file).read_text("utf-8")
    faulty = planted(sound, mutation)
    assert faulty != sound
    compile(faulty, mutation.file, "exec")
    assert all((ROOT / test.partition("::")[0]).exists() for test in mutation.tests)


def test_every_invariant_has_a_planted_fault() -> None:
    """At least 25 faults, each under a name of its own, and none of the nine invariants without one."""
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 25
    assert {mutation.invariant for mutation in MUTATIONS} == set(range(1, 10))


def test_a_text_that_does_not_occur_once_is_an_error() -> None:
    """A fault that is not planted would be taken for one that survived."""
    for text in ("", MUTATIONS[0].old * 2):
        with pytest.raises(ValueError, match="its text occurs"):
            planted(text, MUTATIONS[0])
