# A pod that is gone before it ran is made again; one that had run is an error. One that cannot be made is an error at once.

workflow
    entrypoint: main
    templates:
    - name: main
      dag:
        failFast: false
        tasks:
        - {name: early, template: work}
        - {name: late, template: work}
        - {name: refused, template: work}
    - name: work
      container: {image: busybox}
----
workflow: new -> Running
wf: new -> Running
wf.early: new -> Pending
wf.late: new -> Pending
wf.refused: new -> Pending
create wf-work-2391463721
create wf-work-1765076950
create wf-work-4062141266

wf.early waits
----
nothing

wf.early is gone
----
create wf-work-2391463721

wf.late runs
----
wf.late: Pending -> Running

wf.late is gone
----
wf.late: Running -> Error (pod deleted)

wf.refused refused "pods is forbidden: exceeded quota"
----
wf.refused: Pending -> Error (pods is forbidden: exceeded quota)

wf.early succeeds
----
wf.early: Pending -> Succeeded
wf: Running -> Error
workflow: Running -> Error
