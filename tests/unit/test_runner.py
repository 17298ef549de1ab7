"""The runner: commit, act, publish, acknowledge, in this order; and what becomes of a message that fails."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import structlog
from sqlalchemy import func, select
from structlog.contextvars import get_contextvars, merge_contextvars
from structlog.testing import capture_logs

from rollcast.broker.bodies import CUT
from rollcast.codec import encode
from rollcast.errors import BrokerUnavailable, Gone, IdentityError, InvalidMessage, Permanent, Transient
from rollcast.messages import CloseDue, Message, Query, Register, SpoolVerified
from tests.deliveries import FakeDelivery
from tests.people import ACME, ALICE, BOB, SERVER_USER
from tests.unit.steps.build import RIGHT, T
from tests.unit.steps.conftest import bare as bare
from tests.unit.steps.conftest import empty_ledger as empty_ledger
from tests.unit.steps.conftest import ledger_url as ledger_url
from tests.unit.steps.world import SETTINGS, World
from tests.waiting import until
from workers.allowances import CUT_OFF_AT, SESSIONS_BURST, Allowances
from workers.envelope import Envelope
from workers.isolation import SET_ASIDE_AT, DeliveryLimit, Isolation
from workers.ledger.tables import events
from workers.runner import BATCH, Runner
from workers.work import (
    Action,
    CloseConnections,
    Outcome,
    Publication,
    Received,
    Services,
    ToStep,
    VerifySpool,
)

RATE, BURST = 2, 3
HURRY = asyncio.Event()
HURRY.set()
VERIFY = VerifySpool(ALICE, T, 1, sha256=False)
VERIFIED = ToStep(ACME, SpoolVerified(transfer_id=T, hash=RIGHT))
TOLD = ToStep(ACME, CloseDue(transfer_id=T))


@dataclass
class Letter(FakeDelivery):
    """A delivery with a number, which notes in a log that others write to how it was settled."""

    log: list[str] = field(default_factory=list)
    number: int = 0

    async def ack(self) -> None:
        """It is done."""
        await super().ack()
        self.log.append(f"ack {self.number}")

    async def nack(self, requeue: bool) -> None:
        """It goes back."""
        await super().nack(requeue)
        self.log.append(f"nack {self.number}")


class Workshop:
    """A runner with a real ledger; what it does outside of that is written into `log`."""

    def __init__(
        self,
        world: World,
        step: Callable[[Received], None],
        pool: str = "s310",
        isolation: Isolation | None = None,
        burst: int = BURST,
    ) -> None:
        self.log: list[str] = []
        self.lifted: list[tuple[object, Exception]] = []
        self.away = False
        self.now = 0.0
        self._world = world
        self._decide = step
        self.runner = Runner(
            pool,
            self._step,
            SETTINGS,
            world.database,
            self,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]
            isolation or Isolation(),
            Allowances(RATE, burst, lambda: self.now),
        )

    async def _step(self, batch: Sequence[Received], services: Services) -> list[Outcome]:
        await services.ledger.note(T, [(None, "handled", None) for _ in batch])
        for received in batch:
            self._decide(received)
        return [VERIFY, TOLD] * len(batch)

    async def perform(self, action: Action) -> list[Publication]:
        """Stands for the actions."""
        if isinstance(action, CloseConnections):
            self.log.append(f"closed the connections of {action.address}")
            return []
        self.log.append(f"act, {await self.committed()} committed")
        return [VERIFIED]

    async def publish(self, publications: Iterable[Publication]) -> None:
        """Stands for the outbox."""
        if self.away:
            raise BrokerUnavailable("gone")
        self.log.append("publish " + " ".join(type(p.message).__name__ for p in publications))

    async def lift(self, step: str, delivery: Letter, envelope: object, error: Exception) -> str:
        """Stands for the ladder."""
        if self.away:
            raise BrokerUnavailable("gone")
        outcome = "parked" if isinstance(error, Permanent) else "retried"
        self.log.append(f"{outcome} {delivery.number}")
        self.lifted.append((envelope, error))
        return outcome

    async def tell(self, delivery: Letter, error: Permanent) -> None:
        """Stands for the answer to whoever waits."""
        self.log.append(f"told {delivery.number}")

    async def committed(self) -> int:
        """How many messages' effects are committed."""
        async with self._world.database.begin() as ledger:
            return await ledger.count(select(func.count()).select_from(events))

    def letter(self, number: int = 0, message: Message | None = None, **fields: Any) -> Letter:
        """A delivery of this message."""
        body = encode(message or CloseDue(transfer_id=f"{number:032x}"))
        usual = {"body": body, "routing_key": f"{ACME}.s310"}
        return Letter(log=self.log, number=number, **usual | fields)

    async def handle(self, *letters: Letter) -> list[str]:
        """Let the runner take deliveries; what happened when all are settled."""
        for letter in letters:
            await self.runner.take(letter.delivery())
        running = asyncio.create_task(self.runner.run())
        drained = asyncio.create_task(self.runner.drained())
        done, _ = await asyncio.wait({running, drained}, return_when=asyncio.FIRST_COMPLETED)
        assert drained in done, f"the runner ended: {running}"
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return self.log


def fine(received: Received) -> None:
    """A step that can handle everything."""


def failing(error: Exception, *numbers: int) -> Callable[[Received], None]:
    """A step that fails at these messages."""

    def step(received: Received) -> None:
        assert isinstance(received.message, CloseDue)
        if int(received.message.transfer_id, 16) in numbers:
            raise error

    return step


async def test_commit_act_publish_acknowledge(bare: World) -> None:
    """What follows from an action is published with the rest."""
    shop = Workshop(bare, fine)
    assert await shop.handle(shop.letter()) == [
        "act, 1 committed",
        "publish CloseDue SpoolVerified",
        "ack 0",
    ]


async def test_deliveries_in_line_are_handled_in_batches(bare: World) -> None:
    """One transaction for up to 64 of them."""
    shop = Workshop(bare, fine)
    log = await shop.handle(*(shop.letter(number) for number in range(BATCH + 1)))
    assert len([line for line in log if line.startswith("publish")]) == 2
    assert len([line for line in log if line.startswith("ack")]) == BATCH + 1
    assert await shop.committed() == BATCH + 1


@pytest.mark.parametrize(
    ("error", "then"),
    [
        (Transient("later"), ["retried 1", "ack 1"]),
        (Gone("deleted"), ["retried 1", "ack 1"]),
        (RuntimeError("a bug"), ["retried 1", "ack 1"]),
        (InvalidMessage("nonsense"), ["parked 1", "ack 1", "told 1"]),
        (IdentityError("somebody else"), ["parked 1", "ack 1"]),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_message_that_fails_does_not_take_its_batch_along(
    bare: World, error: Exception, then: list[str]
) -> None:
    """The others are handled one by one; of a wrong identity nothing is told."""
    shop = Workshop(bare, failing(error, 1))
    log = await shop.handle(*(shop.letter(number) for number in range(3)))
    assert [line for line in log if line[-1] == "1" and "act" not in line] == then
    assert "ack 0" in log
    assert "ack 2" in log
    assert await shop.committed() == 2


@pytest.mark.parametrize(
    ("fields", "then"),
    [
        ({"body": b"no msgpack"}, ["parked 0", "ack 0", "told 0"]),
        ({"user_id": ""}, ["parked 0", "ack 0"]),
        ({"user_id": BOB}, ["parked 0", "ack 0"]),
        ({"headers": {"CC": ["x"]}}, ["parked 0", "ack 0"]),
        ({"headers": {"rollcast-origin": BOB}}, ["parked 0", "ack 0"]),
        ({"routing_key": "elsewhere.s310"}, ["parked 0", "ack 0"]),
    ],
)
async def test_what_cannot_be_trusted_never_reaches_the_step(
    bare: World, fields: dict[str, Any], then: list[str]
) -> None:
    """And does not end the worker."""
    shop = Workshop(bare, fine)
    assert await shop.handle(shop.letter(**fields)) == then
    assert await shop.committed() == 0


async def test_a_newer_message_waits_for_newer_workers(bare: World) -> None:
    """It goes up the ladder, not aside."""
    shop = Workshop(bare, fine)
    newer = shop.letter()
    newer.body = newer.body.replace(b"CloseDue/1", b"CloseDue/2")
    assert await shop.handle(newer) == ["retried 0", "ack 0"]


async def test_a_question_is_tried_twice(bare: World) -> None:
    """After that nobody waits for the answer, so it is not kept; a fault of ours is, with all that came with it."""
    asked = Envelope(ALICE, "rollcast.up", f"{ACME}.{ALICE}.query", 0)
    for attempt, error, then in [
        (0, Transient("later"), ["retried 0", "ack 0"]),
        (1, Transient("later"), ["ack 0"]),
        (1, RuntimeError("a bug"), ["retried 0", "ack 0"]),
    ]:

        def step(received: Received, error: Exception = error) -> None:
            raise error

        shop = Workshop(bare, step, "s200")
        question = shop.letter(message=Query(), headers=asked.headers(attempt))
        question.routing_key = f"{ACME}.s200"
        assert await shop.handle(question) == then


async def test_without_the_broker_the_batch_goes_back(bare: World) -> None:
    """What was committed is announced when the messages come again."""
    shop = Workshop(bare, fine)
    shop.away = True
    log = await shop.handle(shop.letter(0), shop.letter(1))
    assert log[-2:] == ["nack 0", "nack 1"]


async def test_a_message_that_cannot_be_lifted_goes_back(bare: World) -> None:
    """Nothing is acknowledged that is not safe elsewhere."""
    shop = Workshop(bare, failing(Transient("later"), 0))
    shop.away = True
    assert await shop.handle(shop.letter(0)) == ["nack 0"]


@pytest.mark.parametrize("away", [False, True])
async def test_a_lost_connection_does_not_end_the_worker(bare: World, away: bool) -> None:
    """A delivery that cannot be settled any more comes again by itself."""
    shop = Workshop(bare, failing(InvalidMessage("nonsense"), 1))
    shop.away = away
    log = await shop.handle(*(shop.letter(number, lost=True) for number in range(3)))
    assert not [line for line in log if line.startswith(("ack ", "nack "))]


async def test_what_log_lines_say_of_the_messages(bare: World) -> None:
    """Each has the step; transfer and attempt where the messages agree, as they do when handled one by one."""

    def telling(received: Received) -> None:
        structlog.get_logger().info("handled")
        failing(Transient("later"), 1)(received)

    shop = Workshop(bare, telling)
    again = shop.letter(1, headers=Envelope(SERVER_USER, "rollcast.step", f"{ACME}.s310", 0).headers(2))
    with capture_logs(processors=[merge_contextvars]) as lines:
        await shop.handle(shop.letter(0), again)
    told = [(line["step"], line.get("transfer"), line.get("attempt")) for line in lines]
    both = ("s310", None, None)
    assert told == [both, both, ("s310", f"{0:032x}", 1), ("s310", f"{1:032x}", 3)]
    assert get_contextvars() == {}


def again(shop: Workshop, number: int, deliveries: int, **fields: Any) -> Letter:
    """A message that was delivered so often before."""
    headers = {"x-delivery-count": deliveries}
    return shop.letter(number, headers=headers, redelivered=True, **fields)


async def test_from_the_third_time_on_a_message_is_handled_alone(bare: World) -> None:
    """Batches of one; those that came less often stay together."""
    shop = Workshop(bare, fine)
    log = await shop.handle(*(again(shop, number, number) for number in range(6)))
    batches = [line.count("CloseDue") for line in log if line.startswith("publish")]
    assert sorted(batches) == [1, 1, 1, 3]
    assert sorted(line for line in log if line.startswith("ack")) == [f"ack {number}" for number in range(6)]


async def test_of_all_pools_of_a_process_one_message_is_handled_alone_at_a_time(bare: World) -> None:
    """While one is handled, no other one is, of no step; what came for the first time does not wait for it."""
    isolation = Isolation()
    shops = [Workshop(bare, fine, isolation=isolation) for _ in range(2)]
    async with isolation.turn(9, HURRY):
        waiting = [asyncio.create_task(shop.handle(again(shop, 1, 7), shop.letter(2))) for shop in shops]
        await until(lambda: all("ack 2" in shop.log for shop in shops), "fresh messages are handled")
        assert not any("ack 1" in shop.log for shop in shops)
    for log in await asyncio.gather(*waiting):
        assert "ack 1" in log


@pytest.mark.parametrize(
    ("fields", "known"),
    [({}, True), ({"user_id": ""}, False), ({"body": b"no msgpack"}, True)],
    ids=["known", "sender unknown", "undecodable"],
)
async def test_what_was_delivered_too_often_is_set_aside_undecoded(
    bare: World, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], known: bool
) -> None:
    """With who sent it if that is verified, so that it can be replayed; and nobody is told."""
    monkeypatch.setattr("workers.runner.decode", decoding_is_fatal)
    shop = Workshop(bare, fine)
    assert await shop.handle(again(shop, 1, SET_ASIDE_AT, **fields)) == ["parked 1", "ack 1"]
    ((origin, error),) = shop.lifted
    assert (isinstance(error, DeliveryLimit), error.code) == (True, "delivery_limit")  # type: ignore[attr-defined]
    assert (origin is not None) == known
    assert await shop.committed() == 0


def decoding_is_fatal(_: bytes) -> Message:
    """What workers may have died of."""
    raise AssertionError("decoded")


async def test_one_delivery_less_is_handled(bare: World) -> None:
    """It may be healthy, and have seen a hundred workers end."""
    shop = Workshop(bare, fine)
    assert "ack 1" in await shop.handle(again(shop, 1, SET_ASIDE_AT - 1))
    assert await shop.committed() == 1


async def test_what_came_often_and_cannot_be_set_aside_goes_back(bare: World) -> None:
    """Nothing is acknowledged that is not safe elsewhere."""
    shop = Workshop(bare, fine)
    shop.away = True
    log = await shop.handle(again(shop, 1, SET_ASIDE_AT), again(shop, 2, 5))
    assert sorted(line for line in log if "ack" in line) == ["nack 1", "nack 2"]


async def test_a_turn_is_not_taken_for_what_comes_again_anyway(bare: World) -> None:
    """Its channel was lost while it waited."""
    shop = Workshop(bare, fine)
    assert await shop.handle(again(shop, 1, 5, lost=True)) == []


async def test_a_message_that_is_too_long_is_not_read(bare: World) -> None:
    """Though its beginning, which is all that there is of it, is a message by itself."""
    shop = Workshop(bare, fine)
    assert await shop.handle(shop.letter(headers={CUT: 2**21})) == ["parked 0", "ack 0", "told 0"]
    [(origin, error)] = shop.lifted
    assert (isinstance(origin, Envelope), isinstance(error, InvalidMessage)) == (True, True)
    assert "2097152 bytes are more than a message may have" in str(error)


async def test_a_message_that_says_it_was_longer_is_read_if_it_was_not(bare: World) -> None:
    """Anybody may write that header."""
    shop = Workshop(bare, fine)
    assert (await shop.handle(shop.letter(headers={CUT: 2})))[-1] == "ack 0"
    assert (await shop.handle(shop.letter(1, headers={CUT: "2097152"})))[-1] == "ack 1"
    assert not shop.lifted


def _said(
    shop: Workshop, number: int, message: Message | None = None, verb: str = "query", **fields: Any
) -> Letter:
    """What a terminal says to S200."""
    usual = {"user_id": ALICE, "exchange": "rollcast.up", "routing_key": f"{ACME}.{ALICE}.{verb}"}
    return shop.letter(number, message or Query(), **usual | fields)


async def test_what_is_over_an_allowance_is_turned_away(bare: World) -> None:
    """It costs no statement; whoever waits is told so once a second; another account and verb have their own."""
    shop = Workshop(bare, fine, "s200")
    log = await shop.handle(*(_said(shop, number) for number in range(BURST + 2)))
    assert [line for line in log if line.startswith(("ack", "told", "parked"))] == [
        *("ack 3", "told 3", "ack 4", "ack 0", "ack 1", "ack 2")
    ]
    assert await shop.committed() == BURST
    log.clear()
    other = _said(shop, 5, user_id=BOB, routing_key=f"{ACME}.{BOB}.query")
    await shop.handle(other, _said(shop, 6, Register(), verb="register"))
    assert await shop.committed() == BURST + 2
    shop.now = 1.0
    await shop.handle(*(_said(shop, number) for number in range(7, 10)))
    assert await shop.committed() == BURST + 2 + RATE
    assert [line for line in log if line.startswith("told")] == ["told 9"]
    assert not shop.lifted


async def test_what_comes_again_was_counted_before(bare: World) -> None:
    """Redelivered by the broker, or sent up the ladder by a server."""
    shop = Workshop(bare, fine, "s200")
    again = [_said(shop, number, redelivered=True) for number in range(2 * BURST)]
    headers = Envelope(ALICE, "rollcast.up", f"{ACME}.{ALICE}.query", 1).headers(1)
    lifted = [
        shop.letter(number, Query(), routing_key=f"{ACME}.s200", headers=headers)
        for number in range(2 * BURST)
    ]
    await shop.handle(*again, *lifted)
    assert await shop.committed() == 4 * BURST


async def test_who_says_far_too_much_is_cut_off(bare: World) -> None:
    """Its connections are closed, each time that it was turned away so often."""
    shop = Workshop(bare, fine, "s200")
    log = await shop.handle(*(_said(shop, number) for number in range(BURST + 2 * CUT_OFF_AT * BURST)))
    assert log.count("closed the connections of " + ALICE) == 2


async def test_sessions_are_bounded(bare: World) -> None:
    """Each is a queue. To register without one, or to receive, is another matter."""
    shop = Workshop(bare, fine, "s200", burst=2 * SESSIONS_BURST)
    begun = [
        _said(shop, number, Register(session=f"{number:032x}"), verb="register")
        for number in range(SESSIONS_BURST + 10)
    ]
    await shop.handle(*begun, _said(shop, 0, Register(), verb="register"))
    assert await shop.committed() == SESSIONS_BURST + 1
