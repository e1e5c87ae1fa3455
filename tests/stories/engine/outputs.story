# Outputs of templates, by reference and by expression; exported ones belong to the workflow; artifacts travel on.

workflow
    entrypoint: main
    templates:
    - name: main
      steps:
      - - {name: make, template: make}
      - - {name: use, template: use, arguments: {artifacts: [{name: in, from: "{{steps.make.outputs.artifacts.file}}"}]}}
      outputs:
        parameters:
        - {name: same, valueFrom: {parameter: "{{steps.make.outputs.parameters.out}}"}}
        - {name: twice, valueFrom: {expression: "steps.make.outputs.parameters.out + steps.make.outputs.parameters.out"}}
        artifacts:
        - {name: kept, from: "{{steps.make.outputs.artifacts.file}}"}
    - name: make
      outputs:
        parameters: [{name: out, globalName: exported, valueFrom: {path: /out}}]
        artifacts: [{name: file, path: /file, globalName: the-file}]
      container: {image: busybox}
    - name: use
      inputs: {artifacts: [{name: in, path: /in}]}
      container: {image: busybox, args: ["{{inputs.artifacts.in.path}}", "{{workflow.outputs.parameters.exported}}"]}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
wf[0].make: new -> Pending
create wf-make-577453798

wf[0].make succeeds out=ab file=/key/of/it
----
wf[0].make: Pending -> Succeeded
wf[0]: Running -> Succeeded
wf[1]: new -> Running
wf[1].use: new -> Pending
create wf-use-2621615370 /in ab

show wf[1].use inputs
----
artifacts:
- name: in
  path: /in
  s3:
    key: /key/of/it

wf[1].use succeeds
----
wf[1].use: Pending -> Succeeded
wf[1]: Running -> Succeeded
wf: Running -> Succeeded
workflow: Running -> Succeeded

show wf outputs
----
artifacts:
- name: kept
  path: /file
  s3:
    key: /key/of/it
parameters:
- name: same
  value: ab
- name: twice
  value: abab

show status outputs
----
artifacts:
- name: the-file
  s3:
    key: /key/of/it
parameters:
- name: exported
  value: ab
