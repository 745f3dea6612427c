"""Transparency logs: formats and algebra, and nothing of this network. What an auditor must be able to run alone.

Specifications: RFC 6962 and RFC 9162 §2 (Merkle trees), c2sp.org/tlog-tiles, /signed-note, /tlog-checkpoint, /tlog-cosignature and
/tlog-proof. Pure: no sockets, no files, no clock; whoever needs tiles passes a reader, whoever judges freshness passes the time.

- `merkle`: hashes, roots, inclusion and consistency of small trees.
- `frontier`: the right edge of a tree that grows.
- `tiles`: coordinates, paths and contents of tiles and entry bundles.
- `notes`: signed notes, keys of logs and witnesses.
- `checkpoint`: tree heads, signed by a log and cosigned by witnesses.
- `proofs`: inclusion and consistency, made from tiles that are checked as they are read.
- `bundle`: a proof in one file, to be checked without the network.
"""
