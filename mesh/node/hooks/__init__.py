"""What tools tell by their hooks, and what becomes of it: sessions, evidence, hand-offs, questions, tasks, receipts.

A module for each tool reads its JSON and writes the answer; the rest knows happenings only. Everything is kept by the
same calls that people and agents use; nothing here writes a record by itself.
"""
