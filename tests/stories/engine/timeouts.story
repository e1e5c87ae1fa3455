# A pod that stays pending past its time is given up.

workflow
    entrypoint: main
    templates:
    - name: main
      dag:
        tasks:
        - {name: slow, template: slow}
        - {name: stuck, template: stuck}
    - name: slow
      timeout: 40s
      container: {image: busybox}
    - name: stuck
      pendingTimeout: 20s
      container: {image: busybox}
----
workflow: new -> Running
wf: new -> Running
wf.slow: new -> Pending
wf.stuck: new -> Pending
create wf-slow-3544058827
create wf-stuck-3186874958
wake in 20s

wf.slow runs
----
wf.slow: Pending -> Running
wake in 20s

wf.stuck waits ImagePullBackOff
----
wake in 20s

after 20
----
wf.stuck: Pending -> Failed (timeout)
delete wf-stuck-3186874958

after 20
----
nothing

wf.slow fails
----
wf.slow: Running -> Failed (main: Error (exit code 1))
wf: Running -> Failed
workflow: Running -> Failed
