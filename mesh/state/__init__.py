"""What honoured events mean: documents, views and conflicts; it never travels, stores or reads a clock."""
