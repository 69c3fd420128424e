"""What the services said of themselves, by series, as the gates and sentinels look it up. Pure."""
