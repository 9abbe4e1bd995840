"""Loaded by agents under test: at SIGUSR1 they print what each of their tasks waits for. It changes nothing else."""

import asyncio
import signal
import sys


def _tell(_number: int, _frame: object) -> None:
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)
    sys.stderr.flush()


signal.signal(signal.SIGUSR1, _tell)
