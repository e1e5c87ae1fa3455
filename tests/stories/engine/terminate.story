# Terminating ends the pods at once and runs no exit handler.

workflow
    entrypoint: main
    onExit: main
    templates:
    - name: main
      container: {image: busybox}
----
workflow: new -> Running
wf: new -> Pending
create wf

wf runs
----
wf: Pending -> Running

terminate
----
wf: Running -> Failed (workflow shutdown with strategy:  Terminate)
workflow: Running -> Failed (Stopped with strategy 'Terminate')
delete wf at once
