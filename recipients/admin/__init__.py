from recipients.admin.secret import SecretAdmin
from recipients.admin.testcase import TestCaseAdmin

__all__ = ["SecretAdmin", "TestCaseAdmin"]
