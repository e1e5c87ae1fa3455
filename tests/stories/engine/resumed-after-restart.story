# What a person gives a suspend node is not lost on a new process, though it reads the saved run back only later.

workflow
    entrypoint: main
    templates:
    - name: main
      steps:
      - - {name: ask, template: ask}
        - {name: approve, template: approve}
    - name: ask
      outputs: {parameters: [{name: why, valueFrom: {supplied: {}}}]}
      suspend: {}
    - name: approve
      suspend: {}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
wf[0].ask: new -> Pending
wf[0].ask: Pending -> Running
wf[0].approve: new -> Pending
wf[0].approve: Pending -> Running

suspend
----
nothing

restart
----
nothing

wf[0].approve resumes
----
nothing

wf[0].ask gets why=because
----
nothing

show wf[0].ask outputs
----
parameters:
- name: why
  valueFrom:
    supplied: {}

continue
----
wf[0].approve: Running -> Succeeded

show wf[0].ask outputs
----
parameters:
- name: why
  value: because

wf[0].ask resumes
----
wf[0].ask: Running -> Succeeded
wf[0]: Running -> Succeeded
wf: Running -> Succeeded
workflow: Running -> Succeeded
