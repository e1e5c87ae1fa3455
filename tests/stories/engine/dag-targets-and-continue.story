# Only the targets and what they need run; a tolerated failure does not fail the graph.

workflow
    entrypoint: main
    templates:
    - name: main
      dag:
        target: c
        tasks:
        - {name: a, template: work, continueOn: {failed: true}}
        - {name: b, template: work}
        - {name: c, template: work, dependencies: [a]}
    - name: work
      container: {image: busybox}
----
workflow: new -> Running
wf: new -> Running
wf.a: new -> Pending
create wf-work-2962115457

wf.a fails
----
wf.a: Pending -> Failed (main: Error (exit code 1))
wf.c: new -> Pending
create wf-work-2928560219

wf.c succeeds
----
wf.c: Pending -> Succeeded
wf: Running -> Succeeded
workflow: Running -> Succeeded
