"""What flows hold about people, and how what is under way with an erased lead is ended."""
