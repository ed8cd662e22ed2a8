"""How much each caller may ask for.

windows.py keeps what was counted, counting.py counts there or in Redis, quotas.py says how much is allowed and who is told to
wait, allowance.py is what one request takes of it (attempts.py, of what may be tried on an account), and visitor.py whom it is
counted for, told apart by addresses.py.
"""
