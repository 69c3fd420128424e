"""Building blocks that know nothing of Council and could be a library of their own.

What lives here: clock, ids, back-off, framed messages over sockets, Linux process controls.
What must not: anything that imports the rest of the package.
"""
