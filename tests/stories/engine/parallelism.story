# At most so many pods at once in the workflow, at most so many children in a template; first in the tree, first served.

workflow
    entrypoint: main
    parallelism: 2
    templates:
    - name: main
      steps:
      - - {name: item, template: two, withItems: [a, b, c]}
    - name: two
      parallelism: 1
      dag:
        tasks:
        - {name: x, template: work}
        - {name: y, template: work}
    - name: work
      container: {image: busybox}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
wf[0].item(0:a): new -> Running
wf[0].item(0:a).x: new -> Pending
wf[0].item(1:b): new -> Running
wf[0].item(1:b).x: new -> Pending
create wf-work-1221561627
create wf-work-4229227641

"wf[0].item(0:a).x" succeeds
----
wf[0].item(0:a).x: Pending -> Succeeded
wf[0].item(0:a).y: new -> Pending
create wf-work-1204784008

"wf[0].item(1:b).x" succeeds
----
wf[0].item(1:b).x: Pending -> Succeeded
wf[0].item(1:b).y: new -> Pending
create wf-work-4212450022

"wf[0].item(0:a).y" succeeds
----
wf[0].item(0:a).y: Pending -> Succeeded
wf[0].item(0:a): Running -> Succeeded
wf[0].item(2:c): new -> Running
wf[0].item(2:c).x: new -> Pending
create wf-work-57533419

restart
----
create wf-work-4212450022
create wf-work-57533419

"wf[0].item(1:b).y" succeeds
----
wf[0].item(1:b).y: Pending -> Succeeded
wf[0].item(1:b): Running -> Succeeded

"wf[0].item(2:c).x" succeeds
----
wf[0].item(2:c).x: Pending -> Succeeded
wf[0].item(2:c).y: new -> Pending
create wf-work-40755800

"wf[0].item(2:c).y" succeeds
----
wf[0].item(2:c).y: Pending -> Succeeded
wf[0].item(2:c): Running -> Succeeded
wf[0]: Running -> Succeeded
wf: Running -> Succeeded
workflow: Running -> Succeeded
