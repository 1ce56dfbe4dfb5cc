"""The command with short leases, so that a test need not wait long until a machine is taken for dead."""

from __future__ import annotations

from runtime.cli.main import main
from runtime.completions import leases, sharing

leases.LEASE, leases.SLACK, sharing.SECONDS, sharing.POLL, sharing.LONGEST = 6.0, 2.0, 0.5, 0.3, 0.6

if __name__ == "__main__":
    main()
