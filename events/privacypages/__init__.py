"""The page of erasures and access requests, for administrators."""
