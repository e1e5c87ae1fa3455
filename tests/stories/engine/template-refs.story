# Templates of other objects are asked for once and kept in the status, so that later edits do not matter.

object
    kind: WorkflowTemplate
    metadata: {name: lib}
    spec:
      templates:
      - name: outer
        inputs: {parameters: [{name: text, default: "from {{workflow.name}}"}]}
        steps:
        - - {name: in, template: inner, arguments: {parameters: [{name: text, value: "{{inputs.parameters.text}}"}]}}
          - {name: here, inline: {container: {image: busybox, args: [inline]}}}
      - name: inner
        inputs: {parameters: [{name: text}]}
        container: {image: busybox, args: ["{{inputs.parameters.text}}"]}
----

workflow
    entrypoint: main
    templates:
    - name: main
      steps:
      - - {name: call, templateRef: {name: lib, template: outer}}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
ask for WorkflowTemplate lib
wf[0].call: new -> Running
wf[0].call[0]: new -> Running
wf[0].call[0].in: new -> Pending
wf[0].call[0].here: new -> Pending
create wf-inner-2509881879 from wf
create wf-152680582 inline

show status storedTemplates
----
namespaced/lib/inline/here: &id001
  container:
    args:
    - inline
    image: busybox
namespaced/lib/inner:
  container:
    args:
    - '{{inputs.parameters.text}}'
    image: busybox
  inputs:
    parameters:
    - name: text
  name: inner
namespaced/lib/outer:
  inputs:
    parameters:
    - default: from {{workflow.name}}
      name: text
  name: outer
  steps:
  - - arguments:
        parameters:
        - name: text
          value: '{{inputs.parameters.text}}'
      name: in
      template: inner
    - inline: *id001
      name: here

restart
----
create wf-inner-2509881879 from wf
create wf-152680582 inline

wf[0].call[0].in succeeds
----
wf[0].call[0].in: Pending -> Succeeded

wf[0].call[0].here succeeds
----
wf[0].call[0].here: Pending -> Succeeded
wf[0].call[0]: Running -> Succeeded
wf[0].call: Running -> Succeeded
wf[0]: Running -> Succeeded
wf: Running -> Succeeded
workflow: Running -> Succeeded
