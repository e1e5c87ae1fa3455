"""Who looks after which workflows: decided from values alone."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from controller.sharding import CLAIM_ANNOTATION, Claim, claim_on, is_newer, next_epoch, shard_of, share_of

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
REPLICAS = st.sets(NAMES, min_size=1)
SHARDS = st.integers(1, 12)


@st.composite
def holdings(draw: st.DrawFn) -> dict[int, str]:
    return {shard: draw(st.sampled_from(["", "a", "b", "c", "d", "e", "gone"])) for shard in range(draw(SHARDS))}


def settled(replicas: set[str], holders: dict[int, str]) -> tuple[dict[int, str], Counter[int]]:
    """The holders once everybody has done what is theirs, and how often each shard changed hands."""
    moved: Counter[int] = Counter()
    for _ in range(4):
        shares = {name: share_of(name, replicas, holders) for name in replicas}
        taken = [shard for share in shares.values() for shard in share.take]
        assert len(taken) == len(set(taken)), "no shard has two takers"
        for name, share in shares.items():
            for shard in share.give:
                assert holders[shard] == name, "only what is held is given"
                holders = {**holders, shard: ""}
            for shard in share.take:
                moved[shard] += 1
                holders = {**holders, shard: name}
    return holders, moved


@given(REPLICAS, holdings())
def test_all_shards_are_held_evenly_in_the_end(replicas: set[str], holders: dict[int, str]) -> None:
    end, _ = settled(replicas, holders)
    counts = Counter(end.values())
    assert set(counts) <= replicas
    assert max(counts.values()) - min(counts[name] for name in replicas) <= 1


@given(REPLICAS, holdings())
def test_no_shard_changes_hands_twice_and_none_without_need(replicas: set[str], holders: dict[int, str]) -> None:
    _, moved = settled(replicas, holders)
    assert all(times == 1 for times in moved.values())
    held = Counter(holder for holder in holders.values() if holder in replicas)
    free = len(holders) - sum(held.values())
    most = -(-len(holders) // len(replicas))
    assert sum(moved.values()) <= free + sum(max(0, count - len(holders) // len(replicas)) for count in held.values())
    if max(held.values(), default=0) <= most and not free and len(held) == len(replicas) and (
            max(held.values()) - min(held.values()) <= 1):
        assert not moved


def test_one_replica_takes_everything_at_once() -> None:
    assert share_of("a", (), dict.fromkeys(range(16), "")).take == tuple(range(16))


def test_a_newcomer_waits_until_others_give() -> None:
    holders = dict.fromkeys(range(4), "a")
    assert share_of("b", {"a", "b"}, holders).take == ()
    assert share_of("a", {"a", "b"}, holders).give == (2, 3)
    assert share_of("b", {"a", "b"}, {**holders, 2: "", 3: ""}).take == (2, 3)


@given(st.lists(st.uuids(), min_size=400, max_size=400, unique=True))
def test_workflows_spread_over_the_shards(uids: list[object]) -> None:
    counts = Counter(shard_of(str(uid), 4) for uid in uids)
    assert set(counts) == {0, 1, 2, 3}
    assert max(counts.values()) < 200


def claimed(text: str, uid: str = "u1") -> dict[str, object]:
    return {"metadata": {"uid": uid, "annotations": {CLAIM_ANNOTATION: text}}}


def test_a_claim_reads_as_it_was_written() -> None:
    claim = Claim(7, "pod-x")
    assert claim_on(claimed(claim.text("u1"))) == claim
    assert claim_on({"metadata": {"uid": "u1"}}) is None


def test_a_claim_on_a_copy_of_the_workflow_counts_for_nothing() -> None:
    assert claim_on(claimed(Claim(7, "pod-x").text("u1"), uid="u2")) is None


def test_a_claim_that_somebody_has_spoilt_counts_for_nothing() -> None:
    for text in ("", "7", "seven pod-x u1", "7 pod-x", "7 pod x u1", "-1 pod-x u1"):
        assert claim_on(claimed(text)) is None


def test_only_a_greater_epoch_deposes() -> None:
    mine = Claim(7, "m")
    assert is_newer(claimed("8 a u1"), mine)
    assert not is_newer(claimed("7 m u1"), mine)
    assert not is_newer(claimed("6 z u1"), mine)


def test_an_epoch_grows_even_if_the_clock_goes_back_or_the_lease_is_lost() -> None:
    assert next_epoch(0, now=1_000.5) == 1_000_500
    assert next_epoch(2_000_000, now=1_000.5) == 2_000_001
