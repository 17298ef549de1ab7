"""List policies: what they mean, and which cannot be."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rollcast.errors import Permanent
from rollcast.policy import parse
from rollcast.reasons import Code

NAMES = [f"r{number}@acme" for number in range(8)]
LISTS = st.frozensets(st.sampled_from(NAMES))
RECIPIENTS = st.frozensets(st.sampled_from(NAMES), min_size=1)


def met(text: str, recipients: frozenset[str], listed: frozenset[str]) -> bool:
    """Whether these of the recipients satisfy the policy."""
    return parse(text, recipients).met(listed & recipients)


@given(RECIPIENTS, LISTS)
def test_subset_wants_anybody(recipients: frozenset[str], listed: frozenset[str]) -> None:
    """Any list but the empty one."""
    assert met("subset", recipients, listed) == bool(listed & recipients)


@given(RECIPIENTS, LISTS)
def test_all_or_nothing_wants_everybody(recipients: frozenset[str], listed: frozenset[str]) -> None:
    """One is missing, none get it."""
    assert met("all_or_nothing", recipients, listed) == (recipients <= listed)


@given(RECIPIENTS, LISTS, st.integers(1, 12))
def test_at_least_wants_so_many(recipients: frozenset[str], listed: frozenset[str], least: int) -> None:
    """Or is refused, if there are not so many."""
    text = f"at_least:{least}"
    if least > len(recipients):
        with pytest.raises(Permanent, match="can never be met"):
            parse(text, recipients)
    else:
        assert met(text, recipients, listed) == (len(listed & recipients) >= least)


@given(RECIPIENTS, LISTS, RECIPIENTS)
def test_mandatory_wants_these(
    recipients: frozenset[str], listed: frozenset[str], wanted: frozenset[str]
) -> None:
    """Or is refused, if they are not all among the recipients."""
    text = "mandatory:" + ",".join(sorted(wanted))
    if wanted <= recipients:
        assert met(text, recipients, listed) == (wanted <= listed)
    else:
        with pytest.raises(Permanent, match="not among the recipients"):
            parse(text, recipients)


@given(st.text(), RECIPIENTS)
def test_any_other_text_is_refused(text: str, recipients: frozenset[str]) -> None:
    """With the code for it, and nothing else goes wrong."""
    assume(text.partition(":")[0] not in {"subset", "all_or_nothing"})
    with pytest.raises(Permanent) as error:
        parse(text, recipients)
    assert error.value.code == Code.INVALID_LIST_POLICY


@pytest.mark.parametrize(
    "text",
    ["Subset", "subset:1", "all_or_nothing:x", "at_least:-1", "at_least:1.5", "at_least:²", "at_least: 1"],
)
def test_what_looks_like_a_policy_and_is_none(text: str) -> None:
    """Policies are exact."""
    with pytest.raises(Permanent):
        parse(text, frozenset(NAMES))
