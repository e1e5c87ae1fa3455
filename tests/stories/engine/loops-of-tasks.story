# A loop in a graph has a node of its own; numbers may count down; an empty loop is skipped.

workflow
    entrypoint: main
    templates:
    - name: main
      dag:
        tasks:
        - {name: down, template: work, withSequence: {start: 3, end: 2, format: "n%02d"}, arguments: {parameters: [{name: it, value: "{{item}}"}]}}
        - {name: param, template: work, depends: down, withParam: "{{tasks.down.outputs.result}}", when: "{{item.go}} == yes", arguments: {parameters: [{name: it, value: "{{item.n}}"}]}}
        - {name: none, template: work, withParam: "[]", arguments: {parameters: [{name: it, value: x}]}}
        - {name: last, template: work, depends: "param.AnySucceeded", arguments: {parameters: [{name: it, value: "{{tasks.param.outputs.result}}"}]}}
    - name: work
      inputs: {parameters: [{name: it}]}
      container: {image: busybox, args: ["{{inputs.parameters.it}}"]}
----
workflow: new -> Running
wf: new -> Running
wf.down: new -> Running
wf.down(0:n03): new -> Pending
wf.down(1:n02): new -> Pending
wf.none: new -> Skipped (Skipped, empty params)
create wf-work-1602387466 n03 (result wanted)
create wf-work-3834260990 n02 (result wanted)

"wf.down(0:n03)" succeeds 'result={"go":"yes","n":1}'
----
wf.down(0:n03): Pending -> Succeeded

"wf.down(1:n02)" succeeds 'result={"go":"no","n":2}'
----
wf.down(1:n02): Pending -> Succeeded
wf.down: Running -> Succeeded
wf.param: new -> Running
wf.param(0:go:yes,n:1): new -> Pending
wf.param(1:go:no,n:2): new -> Skipped (when 'no == yes' evaluated false)
create wf-work-4227522550 1 (result wanted)

"wf.param(0:go:yes,n:1)" succeeds result=done
----
wf.param(0:go:yes,n:1): Pending -> Succeeded
wf.param: Running -> Succeeded
wf.last: new -> Pending
create wf-work-1747858046 ["done"]

wf.last succeeds
----
wf.last: Pending -> Succeeded
wf: Running -> Succeeded
workflow: Running -> Succeeded

show wf.down children
----
- wf-1602387466
- wf-3834260990
