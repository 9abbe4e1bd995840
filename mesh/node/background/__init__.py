"""The agent under systemd or launchd, and newer versions of it. It never touches a home."""
