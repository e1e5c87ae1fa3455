# Handlers of a step: one starts as soon as its expression is true, one when the step has ended; both may read the step.

workflow
    entrypoint: main
    templates:
    - name: main
      steps:
      - - name: work
          template: work
          hooks:
            running: {template: say, expression: 'steps.work.status == "Running"', arguments: {parameters: [{name: text, value: started}]}}
            exit: {template: say, arguments: {parameters: [{name: text, value: "{{steps.work.status}} {{steps.work.outputs.parameters.out}}"}]}}
      - - {name: next, template: say, arguments: {parameters: [{name: text, value: next}]}}
    - name: work
      outputs: {parameters: [{name: out, valueFrom: {path: /out}}]}
      container: {image: busybox}
    - name: say
      inputs: {parameters: [{name: text}]}
      container: {image: busybox, args: ["{{inputs.parameters.text}}"]}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
wf[0].work: new -> Pending
create wf-work-47605465

wf[0].work runs
----
wf[0].work: Pending -> Running
wf[0].work.hooks.running: new -> Pending
create wf-say-2210421566 started

wf[0].work succeeds out=42
----
wf[0].work: Running -> Succeeded

# Once the first handler has ended, too, the exit handler comes.

wf[0].work.hooks.running succeeds
----
wf[0].work.hooks.running: Pending -> Succeeded
wf[0].work.onExit: new -> Pending
create wf-say-2497685904 Succeeded 42

wf[0].work.onExit succeeds
----
wf[0].work.onExit: Pending -> Succeeded
wf[0]: Running -> Succeeded
wf[1]: new -> Running
wf[1].next: new -> Pending
create wf-say-510887874 next

wf[1].next succeeds
----
wf[1].next: Pending -> Succeeded
wf[1]: Running -> Succeeded
wf: Running -> Succeeded
workflow: Running -> Succeeded
