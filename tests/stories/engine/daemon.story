# A daemon lets the next step go on once it is ready, and is ended with what it belongs to.

workflow
    entrypoint: main
    templates:
    - name: main
      steps:
      - - {name: server, template: server}
      - - {name: client, template: client, arguments: {parameters: [{name: ip, value: "{{steps.server.ip}}"}]}}
    - name: server
      daemon: true
      container: {image: busybox}
    - name: client
      inputs: {parameters: [{name: ip}]}
      container: {image: busybox, args: ["{{inputs.parameters.ip}}"]}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
wf[0].server: new -> Pending
create wf-server-2858362543

wf[0].server runs
----
nothing

wf[0].server runs ready ip=10.0.0.7
----
wf[0].server: Pending -> Running
wf[0]: Running -> Succeeded
wf[1]: new -> Running
wf[1].client: new -> Pending
create wf-client-992557964 10.0.0.7

restart
----
create wf-client-992557964 10.0.0.7

wf[1].client succeeds
----
wf[1].client: Pending -> Succeeded
wf[1]: Running -> Succeeded
wf: Running -> Succeeded
workflow: Running -> Succeeded
