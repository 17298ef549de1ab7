"""The worker pools: one file a step, in the order of the protocol, around one runner.

Where to look: `sNNN_*.py` the steps, listed in `steps.py`; `work.py` what a step gets and returns; `runner.py` what
becomes of it, with `line.py` before it and `actions.py`, `outbox.py`, `ladder.py` behind it; `spool.py`,
`progress.py`, `clock.py` the pools that are no steps; `ledger/` what is remembered; `pools.py` the pools of one
process, `process/` its life; `doctor/` whether all is well. The other files are parts of the steps that name them.
"""
