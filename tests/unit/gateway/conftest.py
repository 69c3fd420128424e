from gateway_rig import rig  # noqa: F401
