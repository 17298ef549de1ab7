"""`python -m rollcast.cli` is the `rollcast` command."""

from rollcast.cli import main

main()
