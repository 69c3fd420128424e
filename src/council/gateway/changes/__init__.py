"""Patches as the dashboard shows them; who may take one back, or freeze, patchctl decides by the token that is shown."""
