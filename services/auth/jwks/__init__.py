"""The keys that verify tokens, by issuer.

document.py says which keys a JWKS document holds, fetch.py gets one, key_set.py keeps them and fetches them anew behind the
requests' backs (bell.py is between the two), and issuers.py says which issuer's tokens are verified by what.
"""
