# A suspended workflow takes note of what its pods do, and starts nothing new until it goes on.

workflow
    entrypoint: main
    templates:
    - name: main
      steps:
      - - {name: a, template: work}
      - - {name: b, template: work}
    - name: work
      container: {image: busybox}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
wf[0].a: new -> Pending
create wf-work-3986212215

suspend
----
nothing

wf[0].a succeeds
----
wf[0].a: Pending -> Succeeded

continue
----
wf[0]: Running -> Succeeded
wf[1]: new -> Running
wf[1].b: new -> Pending
create wf-work-2760215211
