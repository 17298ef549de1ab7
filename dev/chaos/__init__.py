"""`make chaos`: transfers by real processes while a seeded schedule of faults goes on, and what must hold after it.

`CHAOS_SECONDS` (120) is how long faults go on, `CHAOS_SEED` which ones come when; it is printed. What happened
is in `.run/chaos/faults.log`, what each process said beside it. A broker named by `ROLLCAST_AMQP_URL` is neither
killed nor put under the memory alarm.
"""
