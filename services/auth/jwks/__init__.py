"""Verification of access tokens with a shared secret or with the published keys of an external issuer (JWKS, RFC 7517)."""
