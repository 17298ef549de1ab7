#!/usr/bin/env bash
# A client of AMQP 0-9-1 has to answer each Channel.Close with Channel.Close-Ok; until then the channel's number is
# taken. aiormq puts its answers into a queue of ten places, and drops those that find no place. It then uses the
# number again, whereupon a broker closes the whole connection, with all other channels: RabbitMQ 3.10.8, 4.0.5 and
# 4.3.6 say "504 CHANNEL_ERROR - second 'channel.open' seen". What brings it about: fourteen or more channels that
# look for what is missing at the same time (a passive declare, 404).
#
# The server below is a few lines: it opens channels, refuses each passive declare, and counts what it is answered.
# Exit status: 0 if this is still so, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install aiormq==7.2.4 pamqp==4.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import logging
import sys
from importlib.metadata import version

import aiormq
from pamqp import commands, frame

CHANNELS = 32
logging.disable(logging.CRITICAL)


class Server:
    """Refuses all passive declares of a client at once, when it has them all."""

    def __init__(self) -> None:
        self.refused, self.confirmed = set(), set()
        self.second_open = 0
        self.asking = []

    async def serve(self, reader, writer):
        await reader.readexactly(8)
        self.writer = writer
        self.send(0, commands.Connection.Start(0, 9, {"capabilities": {}}, "PLAIN", "en_US"))
        data = b""
        while part := await reader.read(65536):
            data += part
            while data:
                size, channel, found = frame.unmarshal(data)
                if not size:
                    break
                data = data[size:]
                self.hear(channel, found)

    def send(self, channel, method):
        self.writer.write(frame.marshal(method, channel))

    def hear(self, channel, found):
        match found:
            case commands.Connection.StartOk():
                self.send(0, commands.Connection.Tune(2047, 131072, 0))
            case commands.Connection.Open():
                self.send(0, commands.Connection.OpenOk())
            case commands.Connection.Close():
                self.send(0, commands.Connection.CloseOk())
            case commands.Channel.Open():
                self.second_open += channel in self.refused - self.confirmed
                self.send(channel, commands.Channel.OpenOk())
            case commands.Queue.Declare():
                self.asking.append(channel)
                if len(self.asking) == CHANNELS:
                    for one in self.asking:
                        self.refused.add(one)
                        self.send(one, commands.Channel.Close(404, "NOT_FOUND", 50, 10))
            case commands.Channel.CloseOk():
                self.confirmed.add(channel)


async def look(connection):
    channel = await connection.channel(publisher_confirms=False)
    try:
        await channel.queue_declare("missing", passive=True)
    except aiormq.exceptions.ChannelNotFoundEntity:
        return
    raise AssertionError("it is there")


async def main():
    made = Server()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = await aiormq.connect(f"amqp://guest:guest@127.0.0.1:{port}/")
    await asyncio.gather(*(look(connection) for _ in range(CHANNELS)))
    await asyncio.gather(*(connection.channel(publisher_confirms=False) for _ in range(CHANNELS)))
    await connection.close()
    server.close()
    print(f"aiormq {version('aiormq')}, pamqp {version('pamqp')}")
    print(f"channels that the server has closed: {len(made.refused)}")
    print(f"confirmed by Channel.Close-Ok: {len(made.confirmed & made.refused)}")
    print(f"opened again without that: {made.second_open}")
    return 0 if made.confirmed < made.refused else 1


sys.exit(asyncio.run(main()))
PYTHON
