"""The trainer and what it leaves behind."""
