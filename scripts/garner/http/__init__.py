"""The one client that sends requests, within limits of rate, time and size; all that it needs for it."""
