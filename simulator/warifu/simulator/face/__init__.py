"""The plain face of one institution's interim server for a tester's own business system: gRPC, HTTP and JSON, and the batch inquiry file.

No cryptography on the tester's side: calls are forwarded to the agency's real process under the certificate of the institution's counter.
"""

from warifu.simulator.face.serving import Direct, Face, FaceError, Options, served

__all__ = ["Direct", "Face", "FaceError", "Options", "served"]
