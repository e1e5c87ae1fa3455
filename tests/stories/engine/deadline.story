# The workflow's time is over: what runs or waits fails, the exit handler runs all the same.

workflow
    entrypoint: main
    activeDeadlineSeconds: 60
    onExit: bye
    templates:
    - name: main
      steps:
      - - {name: a, template: work}
        - {name: wait, template: wait}
    - name: wait
      suspend: {}
    - name: work
      container: {image: busybox}
    - name: bye
      container: {image: busybox}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
wf[0].a: new -> Pending
wf[0].wait: new -> Pending
wf[0].wait: Pending -> Running
create wf-work-3986212215
wake in 60s

wf[0].a runs
----
wf[0].a: Pending -> Running
wake in 60s

after 60
----
wf[0].a: Running -> Failed (Step exceeded its deadline)
wf[0].wait: Running -> Failed (Step exceeded its deadline)
wf[0]: Running -> Failed (child 'wf-3986212215' failed)
wf: Running -> Failed (child 'wf-3986212215' failed)
wf.onExit: new -> Pending
create wf-bye-403321795
delete wf-work-3986212215

wf.onExit succeeds
----
wf.onExit: Pending -> Succeeded
workflow: Running -> Failed (child 'wf-3986212215' failed)
