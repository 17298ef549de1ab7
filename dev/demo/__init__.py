"""`make demo`: a file goes from one sender to receivers in two domains, with real processes for everything.

All that is shown of the transfer comes out of the JSON documents that `rollcast` commands print.
"""
