"""What the doctor looks at, what it comes to, and what it mends. It never changes what is remembered."""
