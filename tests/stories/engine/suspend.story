# A suspend node waits for a person, who may have to supply values; another one waits for a time.

workflow
    entrypoint: main
    templates:
    - name: main
      steps:
      - - {name: approve, template: approve}
        - {name: pause, template: pause}
      - - {name: tell, template: say, arguments: {parameters: [{name: text, value: "{{steps.approve.outputs.parameters.ok}} {{steps.approve.outputs.parameters.why}}"}]}}
    - name: approve
      inputs: {parameters: [{name: ok, value: "YES", enum: ["YES", "NO"]}]}
      outputs: {parameters: [{name: ok, enum: ["YES", "NO"], valueFrom: {supplied: {}}}, {name: why, valueFrom: {supplied: {}, default: because}}]}
      suspend: {}
    - name: pause
      suspend: {duration: "30"}
    - name: say
      inputs: {parameters: [{name: text}]}
      container: {image: busybox, args: ["{{inputs.parameters.text}}"]}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
wf[0].approve: new -> Pending
wf[0].approve: Pending -> Running
wf[0].pause: new -> Pending
wf[0].pause: Pending -> Running
wake in 30s

wf[0].approve resumes
----
wake in 30s

show wf[0].approve message
----
'cannot resume: output parameter ''ok'' has no value and no default'

wf[0].approve resumes ok=MAYBE
----
wake in 30s

show wf[0].approve message
----
'cannot resume: output parameter ''ok'' is ''MAYBE''; choose YES, NO'

wf[0].approve gets who=me
----
wake in 30s

show wf[0].approve message
----
'cannot resume: output parameter ''who'' is not asked for'

wf[0].approve gets ok=YES
----
wake in 30s

show wf[0].approve message
----
null

show wf[0].approve outputs
----
parameters:
- enum:
  - 'YES'
  - 'NO'
  name: ok
  value: 'YES'
- name: why
  valueFrom:
    default: because
    supplied: {}

wf[0].approve resumes ok=NO
----
wf[0].approve: Running -> Succeeded
wake in 30s

after 30
----
wf[0].pause: Running -> Succeeded
wf[0]: Running -> Succeeded
wf[1]: new -> Running
wf[1].tell: new -> Pending
create wf-say-439629744 NO because
