"""Checks a lead's proof: python3 check_proof.py PROOF.json [HEADS.jsonl]   (needs Python alone)"""

import json
import sys
from hashlib import sha256
from pathlib import Path


def need(holds, otherwise):
    if not holds:
        sys.exit(f"WRONG: {otherwise}")


texts = [Path(name).read_text(encoding="utf-8") for name in sys.argv[1:]]
proof, seals, hashes = json.loads(texts[0]), {}, {}
for said in proof["seals"]:  # "leadops seal", format, number, month, …
    text = json.dumps(said, separators=(",", ":")).encode()
    seals[said[2]], hashes[said[2]] = said, sha256(text).hexdigest()
for number, event in enumerate(proof["events"], 1):  # each up its Merkle tree of RFC 6962
    (name, seq, _, _, lead, *_), seal = json.loads(event["text"]), seals[event["seal"]]
    need((seq, lead) == (number, proof["lead"]), f"{name} is not event {number} of the lead")
    at, last, path = event["index"], event["of"] - 1, [bytes.fromhex(p) for p in event["path"]]
    need(0 <= at <= last and event["of"] == seal[6], f"{name} has another place")
    node = sha256(b"\0" + event["text"].encode()).digest()
    while last and path:
        if at % 2 or at < last:
            beside = path.pop(0)
            node = sha256(b"\1" + (beside + node if at % 2 else node + beside)).digest()
        at, last = at // 2, last // 2
    need((last, path, node.hex()) == (0, [], seal[9]), f"{name} is not what was sealed")
heads = {head["n"]: head["hash"] for head in proof["heads"]}
for n in seals:  # each seal holds the hash of the one before it, up to a head
    linked = n + 1 in seals and seals[n + 1][10] == hashes[n]
    need(linked or heads.get(n) == hashes[n], f"seal {n} does not lead to a head")
known = [json.loads(line) for text in texts[1:] for line in text.splitlines()] or proof["heads"]
known = {head["n"]: head["hash"] for head in known}
need(set(heads) <= set(known), f"head {max(heads)} is not among those that were published yet")
need(all(known[n] == heads[n] for n in heads), "its heads are not those that were published")
sys.stdout.write(f"{number} events are as they were sealed, under the heads {heads}\n")
