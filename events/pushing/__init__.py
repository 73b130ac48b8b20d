"""Push subscriptions: chosen events to somebody's server, in signed batches, each until taken."""
