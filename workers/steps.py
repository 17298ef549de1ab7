"""The steps in the order of the protocol, each with the function that takes it."""

from rollcast.topology import OPERATOR
from workers.operators import answer_operators
from workers.s200_register import register
from workers.s210_take_request import take_request
from workers.s220_check_sender import check_sender
from workers.s230_invite import invite
from workers.s240_check_receivers import check_receivers
from workers.s250_ask_consent import ask_consent
from workers.s260_collect_consent import collect_consent
from workers.s270_resolve_list import resolve_list
from workers.s280_open_lanes import open_lanes
from workers.s290_cast import cast
from workers.s300_repair import repair
from workers.s310_report import report
from workers.work import Step

STEPS: dict[str, Step] = {
    OPERATOR: answer_operators,
    "s200": register,
    "s210": take_request,
    "s220": check_sender,
    "s230": invite,
    "s240": check_receivers,
    "s250": ask_consent,
    "s260": collect_consent,
    "s270": resolve_list,
    "s280": open_lanes,
    "s290": cast,
    "s300": repair,
    "s310": report,
}
