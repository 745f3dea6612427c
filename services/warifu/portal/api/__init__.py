"""The portal for programs: bearer tokens, other origins in development, and the description of `/api/v1/` (OpenAPI 3.1)."""
