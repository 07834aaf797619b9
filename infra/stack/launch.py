"""Becomes another program that ends when the process that started it ends, however that happens.

Run as a script, without site-packages: `python -I -S launch.py PARENT_PID DEATH_SIGNAL USER PROGRAM ARGUMENT…`.
The kernel sends DEATH_SIGNAL when the parent's thread is gone, so a killed supervisor leaves nothing behind.
USER is a name to run as (PostgreSQL refuses to run as root), or `-`. The signal is asked for after the change
of user, which would undo it.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    """Never returns: the program takes this process over."""
    parent, death_signal, user, *program = argv
    if user != "-":
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != int(parent):
        sys.exit("the process that started this one is gone")
    os.execvp(program[0], program)  # noqa: S606 - an argv list, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
