"""Hooks: rules on the record that start an action. One follower reads each event once for all."""
