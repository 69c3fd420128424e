"""The healer: from what is wrong to what is done about it. Pure; `services/healing.py` looks, and carries out."""
