# A task starts as soon as those it depends on have ended; it is omitted when they ended otherwise than it wants.

workflow
    entrypoint: main
    templates:
    - name: main
      dag:
        tasks:
        - {name: a, template: work}
        - {name: b, template: work}
        - {name: after-both, template: work, depends: "a && b"}
        - {name: on-failure, template: work, depends: "b.Failed || b.Errored"}
        - {name: not-wanted, template: work, depends: "b.Succeeded && a"}
    - name: work
      container: {image: busybox}
----
workflow: new -> Running
wf: new -> Running
wf.a: new -> Pending
wf.b: new -> Pending
create wf-work-2962115457
create wf-work-2911782600

wf.a succeeds
----
wf.a: Pending -> Succeeded

wf.b fails 3
----
wf.b: Pending -> Failed (main: Error (exit code 3))
wf.after-both: new -> Omitted (omitted: depends condition not met)
wf.on-failure: new -> Pending
wf.not-wanted: new -> Omitted (omitted: depends condition not met)
create wf-work-627260744

wf.on-failure succeeds
----
wf.on-failure: Pending -> Succeeded
wf: Running -> Failed
workflow: Running -> Failed

show wf children
----
- wf-2962115457
- wf-2911782600
