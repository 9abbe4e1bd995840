"""`mesh why` and `mesh trace`: what blocks an event, a document or a device, by evidence that is at hand on this one.

One module finds what is meant, one looks at each sort of evidence, one table says what each cause is and what helps.
It asks nobody over the network and changes nothing.
"""
