"""What every test shares."""

import os

# gRPC's C core reports every refused handshake on stderr; these tests refuse many on purpose.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
