"""Checks a lead's proof: python3 check_proof.py PROOF.json [HEADS.jsonl]   (needs Python alone)"""

import json
import sys
from hashlib import sha256
from pathlib import Path


def need(holds, otherwise):
    if not holds:
        sys.exit(f"WRONG: {otherwise}")


proof, *held = [Path(name).read_text(encoding="utf-8") for name in sys.argv[1:3]]
proof = json.loads(proof)
seals = {said[2]: said for said in proof["seals"]}  # "leadops seal", format, number, month, …
text = {n: json.dumps(said, separators=(",", ":")) for n, said in seals.items()}
hashes = {n: sha256(text[n].encode()).hexdigest() for n in seals}
for event in proof["events"]:  # up the Merkle tree of RFC 6962
    event_id, seal, columns = event["text"][2:26], seals[event["seal"]], json.loads(event["text"])
    at, last, node = event["index"], event["of"] - 1, sha256(b"\0" + event["text"].encode())
    path = [bytes.fromhex(each) for each in event["path"]]
    need(0 <= at <= last and event["of"] == seal[6], f"{event_id} has another place")
    while last and path:
        if at % 2 or at < last:
            pair = (path.pop(0), node.digest())
            node = sha256(b"\1" + b"".join(pair if at % 2 else reversed(pair)))
        at, last = at // 2, last // 2
    need(
        not last and not path and node.hexdigest() == seal[9], f"{event_id} is not what was sealed"
    )
    need(columns[4] == proof["lead"], f"{event_id} is about another lead")
order = [json.loads(event["text"])[1] for event in proof["events"]]
need(order == list(range(1, len(order) + 1)), f"events are missing or doubled: {order}")
heads = {head["n"]: head["hash"] for head in proof["heads"]}
for n in seals:  # each seal holds the hash of the one before it, up to a head
    linked = n + 1 in seals and seals[n + 1][10] == hashes[n]
    need(linked or heads.get(n) == hashes[n], f"seal {n} does not lead to a head")
published = [json.loads(line) for line in held[0].splitlines()] if held else proof["heads"]
known = {head["n"]: head["hash"] for head in published}
need(all(known.get(n) == heads[n] for n in heads), "its heads are not those that were published")
sys.stdout.write(f"{len(order)} events are as they were sealed, under the heads {heads}\n")
