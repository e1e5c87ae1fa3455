# One turn for each item; the outputs of a loop are JSON lists in item order, whoever ended first.

workflow
    entrypoint: main
    templates:
    - name: main
      steps:
      - - {name: each, template: work, withItems: [1, two, {k: v, a: 2}, [x, y]], arguments: {parameters: [{name: it, value: "{{item}}"}]}}
      - - {name: sum, template: work, arguments: {parameters: [{name: it, value: "{{steps.each.outputs.result}} {{steps.each.outputs.parameters.out}}"}]}}
    - name: work
      inputs: {parameters: [{name: it}]}
      outputs: {parameters: [{name: out, valueFrom: {path: /out}}]}
      script: {image: busybox, command: [sh], source: "echo {{inputs.parameters.it}}"}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
wf[0].each(0:1): new -> Pending
wf[0].each(1:two): new -> Pending
wf[0].each(2:a:2,k:v): new -> Pending
wf[0].each(3:[x y]): new -> Pending
create wf-work-3283535007 echo 1 (result wanted)
create wf-work-322438121 echo two (result wanted)
create wf-work-2911344606 echo {"a":2,"k":"v"} (result wanted)
create wf-work-2544288912 echo ["x","y"] (result wanted)

wf[0].each(1:two) succeeds result=2 out=b
----
wf[0].each(1:two): Pending -> Succeeded

wf[0].each(0:1) succeeds result=1 out=a
----
wf[0].each(0:1): Pending -> Succeeded

"wf[0].each(3:[x y])" succeeds "result=[4]" out=d
----
wf[0].each(3:[x y]): Pending -> Succeeded

"wf[0].each(2:a:2,k:v)" fails
----
wf[0].each(2:a:2,k:v): Pending -> Failed (main: Error (exit code 1))
wf[0]: Running -> Failed (child 'wf-2911344606' failed)
wf: Running -> Failed (child 'wf-2911344606' failed)
workflow: Running -> Failed (child 'wf-2911344606' failed)
