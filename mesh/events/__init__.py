"""What one device says and who may say it: sealed, signed, chained; it never sends, stores or reads a clock."""
