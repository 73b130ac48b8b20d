from recipients.admin.secret import SecretAdmin

__all__ = ["SecretAdmin"]
