# A template may call itself, but not for ever.

workflow
    entrypoint: main
    templates:
    - name: main
      steps:
      - - {name: again, template: main, when: "{{inputs.parameters.depth}} != 2", arguments: {parameters: [{name: depth, value: "{{=asInt(inputs.parameters.depth) + 1}}"}]}}
      inputs: {parameters: [{name: depth, default: "0"}]}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
wf[0].again: new -> Running
wf[0].again[0]: new -> Running
wf[0].again[0].again: new -> Running
wf[0].again[0].again[0]: new -> Running
wf[0].again[0].again[0].again: new -> Skipped (when '2 != 2' evaluated false)
wf[0].again[0].again[0]: Running -> Succeeded
wf[0].again[0].again: Running -> Succeeded
wf[0].again[0]: Running -> Succeeded
wf[0].again: Running -> Succeeded
wf[0]: Running -> Succeeded
wf: Running -> Succeeded
workflow: Running -> Succeeded
