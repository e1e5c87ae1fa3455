# What a skipped task did not leave: its own default, else the default of whoever wanted it, else a mistake.

workflow
    entrypoint: main
    templates:
    - name: main
      dag:
        failFast: false
        tasks:
        - {name: skip, template: make, when: "false"}
        - {name: own, template: use, dependencies: [skip], arguments: {parameters: [{name: it, value: "{{tasks.skip.outputs.parameters.with}}"}]}}
        - {name: theirs, template: use, dependencies: [skip], arguments: {parameters: [{name: it, value: "{{tasks.skip.outputs.parameters.without}}"}]}}
        - {name: fallback, template: use, dependencies: [skip], arguments: {parameters: [{name: it, value: "{{= tasks.skip.outputs.parameters.without ?? 'fallback'}}"}]}}
        - {name: wrong, template: use, dependencies: [skip], arguments: {parameters: [{name: it, value: "x{{tasks.skip.outputs.parameters.without}}"}]}}
    - name: make
      outputs: {parameters: [{name: with, valueFrom: {path: /a, default: own}}, {name: without, valueFrom: {path: /b}}]}
      container: {image: busybox}
    - name: use
      inputs: {parameters: [{name: it, default: theirs}]}
      container: {image: busybox, args: ["{{inputs.parameters.it}}"]}
----
workflow: new -> Running
wf: new -> Running
wf.skip: new -> Skipped (when 'false' evaluated false)
wf.own: new -> Pending
wf.theirs: new -> Pending
wf.fallback: new -> Pending
wf.wrong: new -> Error ({{tasks.skip.outputs.parameters.without}} has no value: what it names was skipped or left out, and has no default)
create wf-use-3002456306 own
create wf-use-4169620655 theirs
create wf-use-1511894856 fallback
