# Groups run one after the other, the steps of a group side by side; results travel on.

workflow
    entrypoint: main
    arguments: {parameters: [{name: who, value: you}]}
    templates:
    - name: main
      steps:
      - - {name: greet, template: say, arguments: {parameters: [{name: text, value: "hello {{workflow.parameters.who}}"}]}}
      - - {name: echo, template: say, arguments: {parameters: [{name: text, value: "{{steps.greet.outputs.result}}"}]}}
        - {name: never, template: say, when: "'{{steps.greet.outputs.result}}' == bye", arguments: {parameters: [{name: text, value: x}]}}
    - name: say
      inputs: {parameters: [{name: text}]}
      container: {image: busybox, args: ["{{inputs.parameters.text}}", "{{pod.name}}"]}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
wf[0].greet: new -> Pending
create wf-say-2691656661 hello you wf-say-2691656661 (result wanted)

wf[0].greet runs
----
wf[0].greet: Pending -> Running

wf[0].greet succeeds "result={{not.expanded}}"
----
wf[0].greet: Running -> Succeeded
wf[0]: Running -> Succeeded
wf[1]: new -> Running
wf[1].echo: new -> Pending
wf[1].never: new -> Skipped (when ''{{not.expanded}}' == bye' evaluated false)
create wf-say-3889063746 {{not.expanded}} wf-say-3889063746

wf[1].echo runs
----
wf[1].echo: Pending -> Running

wf[1].echo succeeds
----
wf[1].echo: Running -> Succeeded
wf[1]: Running -> Succeeded
wf: Running -> Succeeded
workflow: Running -> Succeeded

# A pod that comes late changes nothing: it is to go.

wf[1].echo runs
----
delete wf-say-3889063746

show status
----
conditions:
- status: 'False'
  type: PodRunning
- status: 'True'
  type: Completed
finishedAt: '2023-11-14T22:13:20Z'
nodes:
  wf:
    children:
    - wf-511703626
    displayName: wf
    finishedAt: '2023-11-14T22:13:20Z'
    id: wf
    name: wf
    outboundNodes:
    - wf-3889063746
    - wf-2196270239
    phase: Succeeded
    progress: 2/2
    startedAt: '2023-11-14T22:13:20Z'
    templateName: main
    templateScope: local/wf
    type: Steps
  wf-2196270239:
    boundaryID: wf
    displayName: never
    finishedAt: '2023-11-14T22:13:20Z'
    id: wf-2196270239
    message: when ''{{not.expanded}}' == bye' evaluated false
    name: wf[1].never
    nodeFlag: {}
    phase: Skipped
    startedAt: '2023-11-14T22:13:20Z'
    templateName: say
    templateScope: local/wf
    type: Skipped
  wf-2691656661:
    boundaryID: wf
    children:
    - wf-444446055
    displayName: greet
    finishedAt: '2023-11-14T22:13:20Z'
    id: wf-2691656661
    inputs:
      parameters:
      - name: text
        value: hello you
    name: wf[0].greet
    outputs:
      exitCode: '0'
      result: '{{not.expanded}}'
    phase: Succeeded
    progress: 1/1
    startedAt: '2023-11-14T22:13:20Z'
    templateName: say
    templateScope: local/wf
    type: Pod
  wf-3889063746:
    boundaryID: wf
    displayName: echo
    finishedAt: '2023-11-14T22:13:20Z'
    id: wf-3889063746
    inputs:
      parameters:
      - name: text
        value: '{{not.expanded}}'
    name: wf[1].echo
    outputs:
      exitCode: '0'
    phase: Succeeded
    progress: 1/1
    startedAt: '2023-11-14T22:13:20Z'
    templateName: say
    templateScope: local/wf
    type: Pod
  wf-444446055:
    boundaryID: wf
    children:
    - wf-3889063746
    - wf-2196270239
    displayName: '[1]'
    finishedAt: '2023-11-14T22:13:20Z'
    id: wf-444446055
    name: wf[1]
    nodeFlag: {}
    phase: Succeeded
    progress: 1/1
    startedAt: '2023-11-14T22:13:20Z'
    templateScope: local/wf
    type: StepGroup
  wf-511703626:
    boundaryID: wf
    children:
    - wf-2691656661
    displayName: '[0]'
    finishedAt: '2023-11-14T22:13:20Z'
    id: wf-511703626
    name: wf[0]
    nodeFlag: {}
    phase: Succeeded
    progress: 1/1
    startedAt: '2023-11-14T22:13:20Z'
    templateScope: local/wf
    type: StepGroup
phase: Succeeded
progress: 2/2
startedAt: '2023-11-14T22:13:20Z'
