"""Changes of schemas in mid-stream: what was known, what is there now, and what follows from the difference.

The core is pure: `versions` can be stored, `differences` compares two of them, `decision` says what happens by the
route's policy. `watch` holds what one session knows; `words` asks the servers how a change is spelled.
"""
