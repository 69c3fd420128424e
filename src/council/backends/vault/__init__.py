"""Where snapshots of homes lie: in repositories of restic, or in plain archives of our own form."""
