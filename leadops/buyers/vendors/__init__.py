"""Look-alikes of vendors' APIs, written after their documentation; each an organization's own.

Their addresses begin with /salesforce, /hubspot, /five9, /twilio, /zerobounce and /trustedform;
/b/NAME before that is another
organization. `~` right after names an error that is then always answered: /salesforce/~CODE/…,
/hubspot/~STATUS/…, /hubspot/~STATUS@lists/… (for that part of the API alone), /five9/~CODE/….
"""

from leadops.buyers.vendors import (  # register themselves
    five9,
    hubspot,
    salesforce,
    trustedform,
    twilio,
    zerobounce,
)

__all__ = ["five9", "hubspot", "salesforce", "trustedform", "twilio", "zerobounce"]
