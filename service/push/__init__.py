"""Wakes phones by Web Push: never what happened, only that there is something to look at."""
