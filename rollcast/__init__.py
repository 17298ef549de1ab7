"""Rollcast delivers one file to many receivers over RabbitMQ and tells who has it.

async with Sender.connect(Credentials.load("alice@acme", ClientSettings.read())) as sender:
    async for event in sender.send(Path("plan.pdf"), ["bob@acme", "carol@globex"]):
        print(event)
"""

from rollcast import errors, events
from rollcast.credentials import Credentials
from rollcast.errors import RollcastError
from rollcast.operator import Operator
from rollcast.receiver import Receiver
from rollcast.receiving.consent import Decision
from rollcast.report import Report
from rollcast.sender import Sender
from rollcast.sending.request import new_transfer_id
from rollcast.sending.transfers import Transfers
from rollcast.settings import ClientSettings

__all__ = [
    "ClientSettings",
    "Credentials",
    "Decision",
    "Operator",
    "Receiver",
    "Report",
    "RollcastError",
    "Sender",
    "Transfers",
    "errors",
    "events",
    "new_transfer_id",
]
