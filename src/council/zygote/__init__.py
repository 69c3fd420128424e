"""The fork server of the sandbox and what it forks. Standard library and `kit.confine` only.

    main.py       starts: takes settings and socket, builds the root, loads modules ahead, serves
    root.py       the minimal read-only root that the zygote and every sandbox live in
    server.py     the zygote's loop: makes, kills and reaps sandboxes for the fronts that are connected
    cgroups.py    bounds memory and processes of a sandbox, on v1 or v2
    sandbox.py    the way of one forked child into its sandbox: namespaces, mounts, user
    keeper.py     process 1 of a sandbox: keeps time, refuses calls, reaps, collects, tells how it ended
    program.py    process 2: takes the last rights from itself and runs the job's code
    filters.py    the system calls that a job may make, as compiled bytes
    kernel.py     system calls that Python lacks
    wire.py       the messages between front, zygote, keeper and program

What must not live here: anything that holds a secret, reads the home, or needs a package. Whatever the zygote imports is in
the memory of every job.
"""
