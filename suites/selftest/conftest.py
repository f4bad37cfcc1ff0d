"""The tests interrupt what they start, which works only where this process does not ignore the interrupt."""

import signal

# Jobs in the background of a shell, as CI engines may start them, ignore it, and so do all their children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
