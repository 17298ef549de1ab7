"""What the AsyncAPI document says in words: the one part of it that is not read off the topology."""

TITLE = "Rollcast"
INFO = """\
Rollcast delivers one file from one sender to many receivers over RabbitMQ. Before it casts the file it takes
the roll: may the sender send, can each receiver take the file, does each consent? Only those who do are on the
new receiver list and get the file, in chunks, with repair and with a receipt from each.

Three roles act here, and each operation is tagged with its own: a `terminal` (name@domain) sends and receives
files and is what a program in another language will be; a `server` runs the steps; an `operator` manages
accounts. Terminals declare nothing at the broker, not even passively.

Control messages are msgpack maps whose `type` says which schema they follow; chunks are raw bodies with
headers. `README.md` beside this file tells how to register, send and receive, step by step.
"""
SERVER = "The broker that all servers and terminals share."
SASL = "An account's password, as the operator was given it when the account was added; mechanism PLAIN."

PARAMETERS = {
    "address": "The terminal, name@domain; it is the broker's user name too.",
    "domain": "A domain: on `rollcast.up` the one behind the @ of the address, on `rollcast.step` the receiving one.",
    "pool": "The pool that the message goes back to, such as s240.",
    "rung": "How long the rung holds a message back, such as 5s.",
    "sender_domain": "The domain of the transfer's sender.",
    "server": "The name of a server, one deployment of worker pools.",
    "session": "32 lower-case hex digits, made at random by each sending or asking process.",
    "transfer_id": "32 lower-case hex digits, made at random by the sender.",
}

POOLS = {
    "operator": "Answers operators.",
    "s200": "Registers terminals and answers queries.",
    "s210": "Takes requests: checks them and writes each transfer down once.",
    "s220": "Checks the sender: may it send this, to so many?",
    "s230": "Invites the receivers, grouped by their domains.",
    "s240": "Checks the receivers: known, not suspended, able to take the file.",
    "s250": "Asks each able receiver for its consent.",
    "s260": "Collects the answers and passes them to the sender's server.",
    "s270": "Resolves the new receiver list when all have answered, or at the deadline.",
    "s280": "Opens a lane for each receiver on the list.",
    "s290": "Invites the upload and casts the file into the lanes.",
    "s300": "Sends again what a receiver misses.",
    "s310": "Takes receipts and cancellations, reports and closes.",
    "progress": "Sums up the receivers' progress.",
}

VERBS = {
    "register": "Say who and where the terminal is; with capabilities, that it is ready to receive.",
    "query": "Ask how one transfer stands, or which there are.",
    "request": "Ask for a transfer. Repeated under the same id it is answered with the present state.",
    "cancel": "Take a transfer back.",
    "answer": "Consent to an offered file, or decline it.",
    "missing": "Ask for chunks again that did not come, after CastEnded.",
    "receipt": "Report that the file is whole, verified and stored, or that it cannot be.",
    "progress": "Tell how much is stored; at most once a second, published as transient.",
}

CHANNELS = {
    "inbox-key": "Into a terminal's inbox.",
    "session-inbox-key": "Into the inbox of one sending or asking process.",
    "bulk": "Chunks of an upload, published only when and as far as UploadInvited asks for them.",
    "cast": "Chunks to all lanes of a transfer, and CastEnded behind the last one.",
    "lane-key": "Chunks sent again into one lane, and another CastEnded behind them.",
    "retry-key": "Back to a step after a while; the queue of the same name holds the message until then.",
    "reply": "Direct reply-to: consume `amq.rabbitmq.reply-to` with no_ack, then publish on that channel.",
    "inbox": "What concerns a receiver. One process consumes it, exclusively.",
    "session-inbox": "What concerns a sender. Declared by the server when the process registers; gone 60 s after it.",
    "lane": "The file itself, for one receiver: chunks in any order and more than once, then CastEnded.",
    "spool": "Chunks on their way into the sender's server.",
    "progress": POOLS["progress"] + " What is older than 5 s is dropped.",
    "retry": "A rung of the retry ladder.",
    "parked": "What nobody could handle, kept for the operator.",
}

CHUNK = """\
A piece of the file as a raw body; `index` times the chunk size is its place. Published as transient, with the
property user_id. A chunk whose sender, index, length or digest is wrong is dropped and nothing is told of it.
"""
REQUEST = (
    "Persistent (except progress), with the properties user_id and content_type; reply_to and correlation_id "
    "if a reply is wanted."
)
