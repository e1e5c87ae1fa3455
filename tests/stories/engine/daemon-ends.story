# A daemon is to run for as long as it is needed: one that ends by itself has failed, whatever its exit code.

workflow
    entrypoint: main
    templates:
    - name: main
      steps:
      - - {name: server, template: server}
      - - {name: client, template: client}
    - name: server
      daemon: true
      container: {image: busybox}
    - name: client
      container: {image: busybox}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
wf[0].server: new -> Pending
create wf-server-2858362543

wf[0].server succeeds
----
wf[0].server: Pending -> Failed
wf[0]: Running -> Failed (child 'wf-2858362543' failed)
wf: Running -> Failed (child 'wf-2858362543' failed)
workflow: Running -> Failed (child 'wf-2858362543' failed)
