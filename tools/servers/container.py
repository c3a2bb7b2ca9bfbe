"""Makes a container of Azure Blob Storage:  container.py ENDPOINT ACCOUNT KEY CONTAINER"""

import base64
import email.utils
import hashlib
import hmac
import sys
import urllib.request


def main(endpoint, account, key, container):
    path = f"/{account}/{container}"
    headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    # The twelve standard headers are empty; the path is there twice because an emulator has the account in the path.
    lines = ["PUT", *[""] * 11, *(f"{name}:{value}" for name, value in sorted(headers.items()))]
    text = "\n".join([*lines, f"/{account}{path}", "restype:container"])
    signature = base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()
    headers["Authorization"] = f"SharedKey {account}:{signature}"
    request = urllib.request.Request(f"{endpoint}{path}?restype=container", method="PUT", headers=headers, data=b"")
    # urllib would add a type, and that is signed too.
    request.add_header("Content-Type", "")
    with urllib.request.urlopen(request, timeout=60):
        pass


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
