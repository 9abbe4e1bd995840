"""The door for devices that live in a browser: a page, a certificate to trust, and the way to the own nats-server."""
