"""The verifying core: whether a patch may be tried. No file, no socket, no clock; what it needs it is given.

To audit it, read in this order; each is short and stands alone:

    kit/globs.py            what a pattern of paths stands for
    domain/authz.py         who may change what, as `domain/authz_file.py` reads it from `authz.yaml`
    core/signature.py       eight rules over one OpenPGP signature
    core/strict_json.py     bytes to JSON, or a refusal
    core/paths.py           which names a file of a patch may have
    core/documents.py       JSON to a patch
    core/quota.py           how many patches a day
    core/secrecy.py         what looks like a key or a password
    core/judging.py         all of that in one order: `judge`

Everything raises `errors.PatchRefusedError` and nothing else, whatever it is given; `judge` turns that into a verdict. A text
within a patch is never read as policy: that is `authz.yaml` of the live generation alone.
"""
