"""Measuring the reader on what it has not learnt."""
