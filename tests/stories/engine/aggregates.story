# Results of a loop that are no JSON are texts; a skipped turn leaves nothing.

workflow
    entrypoint: main
    templates:
    - name: main
      steps:
      - - {name: each, template: work, withItems: [a, b, c], when: "{{item}} != b"}
      - - {name: use, template: use, arguments: {parameters: [{name: it, value: "{{steps.each.outputs.result}}"}]}}
    - name: work
      container: {image: busybox}
    - name: use
      inputs: {parameters: [{name: it}]}
      container: {image: busybox, args: ["{{inputs.parameters.it}}"]}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
wf[0].each(0:a): new -> Pending
wf[0].each(1:b): new -> Skipped (when 'b != b' evaluated false)
wf[0].each(2:c): new -> Pending
create wf-work-3812636079 (result wanted)
create wf-work-2963599807 (result wanted)

"wf[0].each(2:c)" succeeds "result=see"
----
wf[0].each(2:c): Pending -> Succeeded

"wf[0].each(0:a)" succeeds "result=say \"hi\""
----
wf[0].each(0:a): Pending -> Succeeded
wf[0]: Running -> Succeeded
wf[1]: new -> Running
wf[1].use: new -> Pending
create wf-use-2621615370 ["say \"hi\"","see"]
