# A failed step is tried again after its back-off, at most so often.

workflow
    entrypoint: flaky
    templates:
    - name: flaky
      retryStrategy: {limit: "2", backoff: {duration: "10", factor: 2}}
      container: {image: busybox, args: ["try {{retries}} after {{lastRetry.exitCode}}"]}
----
workflow: new -> Running
wf: new -> Running
wf(0): new -> Pending
create wf-flaky-200985491 try 0 after 0

wf(0) fails
----
wf(0): Pending -> Failed (main: Error (exit code 1))
wake in 10s

after 9
----
wake in 1s

# A new process knows of the wait, too.

restart
----
wake in 1s

after 1
----
wf(1): new -> Pending
create wf-flaky-805126870 try 1 after 1

wf(1) fails 7
----
wf(1): Pending -> Failed (main: Error (exit code 7))
wake in 20s

after 20
----
wf(2): new -> Pending
create wf-flaky-2550146341 try 2 after 7

wf(2) fails 8
----
wf(2): Pending -> Failed (main: Error (exit code 8))
wf: Running -> Failed (No more retries left)
workflow: Running -> Failed (No more retries left)

show wf outputs
----
exitCode: '8'
