"""Fixtures of the acceptance tests."""

import whole

served = whole.served
