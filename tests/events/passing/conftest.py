from tests.events.passing.stage import receiver, sold

__all__ = ["receiver", "sold"]
